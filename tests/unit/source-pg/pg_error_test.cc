#include "source-pg/pg_error.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace walbridge::source_pg {
namespace {

struct Case {
  const char* sqlstate;
  const char* message;
  Verdict verdict;
  const char* code;
};

// Messages as the servers of 14 to 18 and Neon's proxy print them.
const std::vector<Case> kCases = {
    {"42704", "replication slot \"walbridge\" does not exist", Verdict::Gap, "42704"},
    {"55000", "cannot read from logical replication slot \"walbridge\"", Verdict::Gap, "55000"},
    {"55000", "can no longer get changes from replication slot \"walbridge\"", Verdict::Gap, "55000"},
    {"55000", "can no longer access replication slot \"walbridge\"", Verdict::Gap, "55000"},
    {"42704", "publication \"walbridge\" does not exist", Verdict::Gap, "42704"},
    {"58P01", "requested WAL segment 000000010000000000000001 has already been removed", Verdict::Gap, "58P01"},
    {"55006", "replication slot \"walbridge\" is active for PID 17", Verdict::Retry, "55006"},
    {"57P01", "terminating connection due to administrator command", Verdict::Retry, "57P01"},
    {"57P03", "the database system is starting up", Verdict::Retry, "57P03"},
    {"53300", "number of requested standby connections exceeds max_wal_senders (currently 0)", Verdict::Retry, "53300"},
    {"40P01", "deadlock detected", Verdict::Retry, "40P01"},
    {"08006", "server closed the connection unexpectedly", Verdict::Retry, "08006"},
    {"55P03", "canceling statement due to lock timeout", Verdict::Retry, "55P03"},
    {"22023", "invalid snapshot identifier: \"00000076-00000003-1\"", Verdict::Retry, "22023"},
    {"42704", "snapshot \"00000076-00000003-1\" does not exist", Verdict::Retry, "42704"},
    {"55000", "replication slot \"x\" was not created in this database", Verdict::Operator, "55000"},
    {"55000", "logical decoding requires wal_level >= logical", Verdict::Operator, "55000"},
    {"53400", "all replication slots are in use", Verdict::Operator, "53400"},
    {"42501", "permission denied for table orders", Verdict::Operator, "42501"},
    {"28P01", "password authentication failed for user \"u\"", Verdict::Operator, "28P01"},
    {"3D000", "database \"nope\" does not exist", Verdict::Operator, "3D000"},
    {"42704", "type \"x\" does not exist", Verdict::Operator, "42704"},
    {"XX000", "something nobody has seen", Verdict::Operator, "XX000"},
    {"99999", "a class from the future", Verdict::Operator, "99999"},
    {"XX000", "Couldn't connect to compute node", Verdict::Retry, "XX000"},
    {"XX000", "Control plane request failed", Verdict::Retry, "XX000"},
    {"XX000", "The requested endpoint could not be found, or you don't have access to it", Verdict::Operator, "XX000"},
    {"08P01", "Endpoint ID is not specified. Either please upgrade the postgres client library", Verdict::Operator,
     "08P01"},
    {"", "server closed the connection unexpectedly", Verdict::Retry, "connection"},
    {"", "connection to server at \"10.0.0.1\", port 5432 failed: Connection refused", Verdict::Retry, "connection"},
    {"", "SSL error: certificate verify failed", Verdict::Operator, "tls"},
    {"", "server certificate for \"a\" does not match host name \"b\"", Verdict::Operator, "tls"},
    {"", "server does not support SSL, but SSL was required", Verdict::Operator, "tls"},
    {"", "could not translate host name \"nope\" to address: Name or service not known", Verdict::Operator,
     "host-name"},
    {"", "could not translate host name \"db\" to address: Temporary failure in name resolution", Verdict::Retry,
     "connection"},
};

TEST(PgError, EveryKnownFailureHasItsVerdict) {
  for (const auto& item : kCases) {
    const auto error = classify(item.sqlstate, item.message);
    EXPECT_EQ(to_string(error.verdict), std::string(to_string(item.verdict))) << item.sqlstate << " " << item.message;
    EXPECT_EQ(error.code, item.code) << item.message;
    if (error.verdict != Verdict::Retry) {
      EXPECT_FALSE(error.remedy.empty()) << item.message;
    }
  }
}

TEST(PgError, NeverRepeatsMessagesThatHoldValues) {
  for (const auto* code : {"22P02", "22003", "23505", "23514", "P0001", "38000", "HV000", "99999"}) {
    const auto error = classify(code, "invalid input syntax for type integer: \"4111-1111\"", "copying public.cards");
    EXPECT_EQ(error.message.find("4111"), std::string::npos) << code;
    EXPECT_TRUE(error.message.starts_with("copying public.cards: ")) << code;
    EXPECT_EQ(error.code, code);
  }
}

TEST(PgError, KeepsTheFirstLineOfAVerboseRefusal) {
  const std::string text =
      "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication failed for user "
      "\"u\"\n"
      "DETAIL:  whatever the server adds\nLOCATION:  auth_failed, auth.c:338\n";
  EXPECT_EQ(sqlstate_in(text), "28P01");
  const auto error = classify(sqlstate_in(text), text);
  EXPECT_EQ(error.message, "password authentication failed for user \"u\"");
  EXPECT_EQ(error.verdict, Verdict::Operator);
}

TEST(PgError, FindsNoCodeWhereThereIsNone) {
  EXPECT_EQ(sqlstate_in(""), "");
  EXPECT_EQ(sqlstate_in("connection refused"), "");
  EXPECT_EQ(sqlstate_in(":  "), "");
  EXPECT_EQ(sqlstate_in("FATAL:  hello: x"), "");
  EXPECT_EQ(sqlstate_in("FATAL:  28P0"), "");
}

TEST(PgError, MakesOneLowerCaseLine) {
  EXPECT_EQ(classify("", "Connection refused\n\tIs the server running?\n").message,
            "connection refused Is the server running?");
  EXPECT_EQ(classify("", "SSL error: tlsv1 alert\n").message, "SSL error: tlsv1 alert");
}

}  // namespace
}  // namespace walbridge::source_pg
