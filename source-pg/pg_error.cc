#include "source-pg/pg_error.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace walbridge::source_pg {
namespace {

struct Meaning {
  std::string_view sqlstate;  // whole code, the class's two letters, or "" for failures without a code
  std::string_view text;      // part of the primary message; "" matches every message
  Verdict verdict;
  std::string_view code;  // of ours, where there is no SQLSTATE
  std::string_view remedy;
};

// First match wins: texts before their bare code, codes before their class.
constexpr auto kMeanings = std::to_array<Meaning>({
    // ---- Neon's proxy: all under XX000, 08P01 or 28000, so they come before every code ----
    {"*", "Endpoint ID is not specified", Verdict::Operator, "",
     "use a libpq of version 14 or later, or add options=endpoint%3DENDPOINT_ID to source.url"},
    {"*", "endpoint is disabled", Verdict::Operator, "", "enable the compute endpoint in the provider's console"},
    {"*", "endpoint has been disabled", Verdict::Operator, "", "enable the compute endpoint in the provider's console"},
    {"*", "could not find endpoint", Verdict::Operator, "", "correct the host name in source.url"},
    {"*", "endpoint could not be found", Verdict::Operator, "", "correct the host name in source.url"},
    {"*", "exceeded the", Verdict::Operator, "", "the provider's quota is used up: raise the plan's limit"},
    {"*", "IP address", Verdict::Operator, "", "allow this machine's address in the provider's IP allow list"},
    {"*", "Couldn't connect to compute node", Verdict::Retry, "", ""},
    {"*", "Control plane request failed", Verdict::Retry, "", ""},
    {"*", "Too many connections attempts", Verdict::Retry, "", ""},

    // ---- gaps: what the cache needs is no longer there (I6) ----
    {"42704", "replication slot", Verdict::Gap, "",
     "run `walbridge destroy --caches`, then `walbridge run` to copy everything again"},
    {"42704", "publication", Verdict::Gap, "",
     "run `walbridge destroy --caches`, then `walbridge run` to copy everything again"},
    {"55000", "can no longer", Verdict::Gap, "",
     "the slot is lost: drop it with `walbridge destroy`, then run again to resync"},
    {"55000", "cannot read from logical replication slot", Verdict::Gap, "",
     "the slot is lost: drop it with `walbridge destroy`, then run again to resync"},
    {"58P01", "requested WAL segment", Verdict::Gap, "",
     "run `walbridge destroy --caches`, then `walbridge run` to copy everything again"},

    // ---- two sessions changed the same catalog row ----
    {"XX000", "tuple concurrently", Verdict::Retry, "", ""},

    // ---- an exported snapshot died with its connection: the load begins again ----
    {"42704", "snapshot", Verdict::Retry, "", ""},
    {"22023", "invalid snapshot identifier", Verdict::Retry, "", ""},

    // ---- the source is not ready for logical replication ----
    {"55000", "was not created in this database", Verdict::Operator, "",
     "set another source.slot, or connect to the slot's database"},
    {"55000", "wal_level", Verdict::Operator, "",
     "set wal_level = logical and restart the server (Neon: enable logical replication in the project's settings)"},
    {"55000", "recovery", Verdict::Operator, "", "connect to the primary server"},
    {"0A000", "in recovery", Verdict::Operator, "", "connect to the primary server"},
    {"53400", "replication slots", Verdict::Operator, "",
     "raise max_replication_slots and restart the server, or drop an unused slot"},
    {"25006", "", Verdict::Operator, "", "connect to the primary server with a role that may write"},
    {"42501", "REPLICATION", Verdict::Operator, "",
     "ALTER ROLE the user WITH REPLICATION (Neon: use a role made by the console, command line or API)"},
    {"28000", "replication", Verdict::Operator, "",
     "ALTER ROLE the user WITH REPLICATION, and allow replication connections in pg_hba.conf"},
    {"42501", "", Verdict::Operator, "", "grant the missing privilege; `walbridge check` prints the statement"},

    // ---- who and where ----
    {"28P01", "", Verdict::Operator, "", "correct the password in source.url"},
    {"28000", "", Verdict::Operator, "", "check user, TLS mode and the server's pg_hba.conf"},
    {"3D000", "", Verdict::Operator, "", "correct the database name in source.url"},
    {"57P04", "", Verdict::Operator, "", "the database was dropped: correct source.url"},
    {"42710", "replication slot", Verdict::Operator, "",
     "set another source.slot, or drop the slot with `walbridge destroy`"},

    // ---- passes by itself ----
    {"55006", "", Verdict::Retry, "",
     "another connection still uses it: stop that walbridge, or wait for wal_sender_timeout"},
    {"55P03", "", Verdict::Retry, "", "end the transactions that hold the lock"},
    {"53300", "", Verdict::Retry, "", "raise max_connections or max_wal_senders, or close unused connections"},
    {"57P05", "", Verdict::Retry, "", ""},
    {"57P01", "", Verdict::Retry, "", ""},
    {"57P02", "", Verdict::Retry, "", ""},
    {"57P03", "", Verdict::Retry, "", ""},
    {"57014", "", Verdict::Retry, "", ""},
    {"25P03", "", Verdict::Retry, "", ""},
    {"25P04", "", Verdict::Retry, "", ""},
    {"08P01", "", Verdict::Operator, "", ""},
    {"08", "", Verdict::Retry, "", ""},
    {"40", "", Verdict::Retry, "", ""},
    {"53", "", Verdict::Retry, "", "the server is short of disk, memory or connections"},

    // ---- libpq's own failures: no code, texts in the client's language, which is never set ----
    {"", "certificate verify failed", Verdict::Operator, "tls",
     "set sslrootcert in source.url to the certificate authority of the server"},
    {"", "does not match host name", Verdict::Operator, "tls",
     "use the host name the server's certificate was issued for"},
    {"", "root certificate file", Verdict::Operator, "tls", "set sslrootcert in source.url to a readable file"},
    {"", "could not read root certificate", Verdict::Operator, "tls",
     "set sslrootcert in source.url to a readable file"},
    {"", "could not read certificate file", Verdict::Operator, "tls", "set sslcert in source.url to a readable file"},
    {"", "private key file", Verdict::Operator, "tls",
     "set sslkey in source.url to a file that only its owner can read"},
    {"", "server does not support SSL", Verdict::Operator, "tls",
     "turn TLS on at the server, or use a direct host that has it"},
    {"", "channel binding", Verdict::Operator, "tls",
     "the server cannot bind the channel: remove channel_binding=require, or use scram-sha-256"},
    {"", "SSL error: tlsv1 alert", Verdict::Operator, "tls",
     "the server refused the client's certificate or TLS version"},
    {"", "SSL error: sslv3 alert", Verdict::Operator, "tls",
     "the server refused the client's certificate or TLS version"},
    {"", "no password supplied", Verdict::Operator, "auth", "put the password into source.url"},
    {"", "authentication method", Verdict::Operator, "auth",
     "the server asks for an authentication this libpq cannot do"},
    {"", "Name or service not known", Verdict::Operator, "host-name", "correct the host name in source.url"},
    {"", "No address associated with hostname", Verdict::Operator, "host-name", "correct the host name in source.url"},
    {"", "No such file or directory", Verdict::Retry, "connection",
     "start the server, or correct the socket directory in source.url"},
    {"", "out of memory", Verdict::Operator, "memory", "give the process more memory"},
    {"", "invalid sslmode value", Verdict::Operator, "source-url", "correct sslmode in source.url"},
    {"", "invalid port number", Verdict::Operator, "source-url", "correct the port in source.url"},
    {"", "invalid integer value", Verdict::Operator, "source-url", "correct the number in source.url"},
    {"", "", Verdict::Retry, "connection", ""},
});

// Classes whose primary messages name objects, roles, files and settings, never values of rows. Data exceptions (22),
// constraint violations (23) and everything user-defined (P0, 38, 39 …) print values and stay out.
constexpr auto kClassesWithoutValues =
    std::to_array<std::string_view>({"08", "0A", "25", "26", "28", "2B", "2F", "34", "3B", "3D", "3F",
                                     "40", "42", "53", "54", "55", "57", "58", "72", "F0", "XX"});

bool matches(const Meaning& meaning, std::string_view sqlstate, std::string_view message) {
  const bool code =
      meaning.sqlstate == "*" || (meaning.sqlstate.empty() ? sqlstate.empty() : sqlstate.starts_with(meaning.sqlstate));
  return code && (meaning.text.empty() || message.find(meaning.text) != std::string_view::npos);
}

bool may_repeat_message(std::string_view sqlstate) {
  return sqlstate.empty() || std::find(kClassesWithoutValues.begin(), kClassesWithoutValues.end(),
                                       sqlstate.substr(0, 2)) != kClassesWithoutValues.end();
}

// One line, without the severity and code that verbose connection errors carry, and without what follows the message.
std::string primary_line(std::string_view message, std::string_view sqlstate) {
  if (!sqlstate.empty()) {
    const auto at = message.find(sqlstate);
    if (at != std::string_view::npos && message.substr(at + sqlstate.size()).starts_with(": ")) {
      message.remove_prefix(at + sqlstate.size() + 2);
      message = message.substr(0, message.find('\n'));
    }
  }
  std::string line(message);
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) line.pop_back();
  std::string joined;
  for (const char c : line) {
    if (c == '\n' || c == '\t' || c == '\r') {
      if (!joined.ends_with(' ')) joined += ' ';
    } else {
      joined += c;
    }
  }
  // A sentence starts with a capital, a name in capitals ("SSL error") does not.
  if (joined.size() > 1 && std::islower(static_cast<unsigned char>(joined[1])) != 0) {
    joined[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(joined[0])));
  }
  return joined;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace

Error classify(std::string_view sqlstate, std::string_view message, std::string_view doing) {
  const auto meaning = std::find_if(kMeanings.begin(), kMeanings.end(),
                                    [&](const Meaning& candidate) { return matches(candidate, sqlstate, message); });
  Error error;
  error.verdict = Verdict::Operator;  // unknown: nothing promises that trying again helps
  if (meaning != kMeanings.end()) {
    error.verdict = meaning->verdict;
    error.code = meaning->code;
    error.remedy = meaning->remedy;
  }
  if (!sqlstate.empty()) error.code = sqlstate;
  if (error.remedy.empty() && error.verdict == Verdict::Operator) {
    error.remedy = "see the server's log, and run `walbridge check`";
  }
  if (!doing.empty()) error.message = std::string(doing) + ": ";
  error.message += may_repeat_message(sqlstate)
                       ? primary_line(message, sqlstate)
                       : std::string("postgres refused it; its message may hold values and is left out");
  return error;
}

std::string_view sqlstate_in(std::string_view verbose_text) {
  // "connection to server at … failed: FATAL:  28P01: password authentication failed …"; several hosts: the last
  // counts.
  for (auto at = verbose_text.rfind(":  "); at != std::string_view::npos && at > 0;
       at = verbose_text.rfind(":  ", at - 1)) {
    const auto code = verbose_text.substr(at + 3, 5);
    const bool is_code = code.size() == 5 && std::all_of(code.begin(), code.end(), [](unsigned char c) {
                           return std::isdigit(c) != 0 || std::isupper(c) != 0;
                         });
    if (is_code && verbose_text.substr(at + 8).starts_with(": ")) return code;
  }
  return {};
}

Error error_from(const PGresult* result, std::string_view doing) {
  const std::string sqlstate = field(result, PG_DIAG_SQLSTATE);
  // libpq makes results without fields when the connection broke under a command.
  const std::string message = sqlstate.empty() ? PQresultErrorMessage(result) : field(result, PG_DIAG_MESSAGE_PRIMARY);
  auto error = classify(sqlstate, message, doing);
  if (!may_repeat_message(sqlstate)) {
    const auto table = field(result, PG_DIAG_TABLE_NAME);
    if (!table.empty()) error.message += " (table " + field(result, PG_DIAG_SCHEMA_NAME) + "." + table + ")";
  }
  return error;
}

Error error_from(const PGconn* connection, std::string_view doing) {
  const std::string_view text = PQerrorMessage(connection);
  if (text.empty()) return classify("", "the connection to postgres is closed", doing);
  return classify(sqlstate_in(text), text, doing);
}

}  // namespace walbridge::source_pg
