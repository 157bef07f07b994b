#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "source-pg/connection.h"
#include "source-pg/open.h"
#include "tests/live/pg_database.h"

namespace walbridge::source_pg {
namespace {

using ::testing::HasSubstr;

// A Postgres that takes nothing but TLS, with a certificate of a private CA for db.example.com.
class TlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    char directory[] = "/tmp/walbridge_tls_XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
    port_ = free_port();
    ASSERT_EQ(script("start " + directory_ + " " + port_), 0);
  }
  static void TearDownTestSuite() { EXPECT_EQ(script("stop " + directory_), 0); }

  static config::Source source(const std::string& host, const std::string& options,
                               const std::string& password = "hunter2") {
    config::Source source;
    source.url = config::Secret("postgresql://postgres:" + password + "@" + host + ":" + port_ +
                                "/postgres?hostaddr=127.0.0.1&" + options);
    source.slot = source.publication = "walbridge";
    return source;
  }
  static Result<Connection> open(const std::string& host, const std::string& options,
                                 Connection::Kind kind = Connection::Kind::Ordinary,
                                 const std::string& password = "hunter2") {
    return Connection::open(source(host, options, password), kind, "walbridge test");
  }
  static std::string ca(const std::string& name) { return "&sslrootcert=" + directory_ + "/" + name + ".crt"; }

  static void expect_refused(const Result<Connection>& connection, const std::string& code,
                             const std::string& message) {
    ASSERT_FALSE(connection);
    EXPECT_EQ(connection.error().code, code) << describe(connection.error());
    EXPECT_EQ(connection.error().verdict, Verdict::Operator);
    EXPECT_THAT(connection.error().message, HasSubstr(message));
    EXPECT_FALSE(connection.error().remedy.empty());
    EXPECT_EQ(describe(connection.error()).find("hunter2"), std::string::npos);
  }

 private:
  static int script(const std::string& arguments) {
    return std::system((std::string(WALBRIDGE_TEST_DATA) + "/live/tls_server.sh " + arguments).c_str());
  }
  static std::string free_port() {
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
    close(descriptor);
    return std::to_string(ntohs(address.sin_port));
  }

  static inline std::string directory_;
  static inline std::string port_;
};

TEST_F(TlsTest, VerifyFullTakesTheRightAuthorityAndName) {
  for (const auto kind : {Connection::Kind::Ordinary, Connection::Kind::Replication}) {
    auto connection = open("db.example.com", "sslmode=verify-full" + ca("ca"), kind);
    ASSERT_TRUE(connection) << describe(connection.error());
    EXPECT_NE(PQsslInUse(connection->raw()), 0);
  }
}

TEST_F(TlsTest, AWrongAuthorityIsRefused) {
  for (const auto kind : {Connection::Kind::Ordinary, Connection::Kind::Replication}) {
    expect_refused(open("db.example.com", "sslmode=verify-full" + ca("wrong_ca"), kind), "tls",
                   "certificate verify failed");
  }
  expect_refused(open("db.example.com", "sslmode=verify-ca" + ca("wrong_ca")), "tls", "certificate verify failed");
}

TEST_F(TlsTest, AWrongHostNameIsRefused) {
  expect_refused(open("other.example.com", "sslmode=verify-full" + ca("ca")), "tls", "does not match host name");
  EXPECT_TRUE(open("other.example.com", "sslmode=verify-ca" + ca("ca"))) << "verify-ca asks for the authority only";
}

TEST_F(TlsTest, AMissingAuthorityFileIsRefused) {
  expect_refused(open("db.example.com", "sslmode=verify-full" + ca("nowhere")), "tls", "root certificate file");
}

TEST_F(TlsTest, TheSystemsAuthoritiesDoNotKnowAPrivateOne) {
  expect_refused(open("db.example.com", "sslrootcert=system"), "tls", "");
  expect_refused(open("db.example.com", "sslmode=require&sslrootcert=system"), "tls", "");
}

TEST_F(TlsTest, TlsIsExactlyWhatTheUrlSays) {
  expect_refused(open("db.example.com", "sslmode=disable"), "28000", "no pg_hba.conf entry");
  EXPECT_TRUE(open("db.example.com", "sslmode=require"));
  EXPECT_TRUE(open("db.example.com", "sslmode=require&channel_binding=require"));
}

TEST_F(TlsTest, AWrongPasswordIsRefusedWithoutBeingRepeated) {
  expect_refused(open("db.example.com", "sslmode=require", Connection::Kind::Ordinary, "hunter22"), "28P01",
                 "password authentication failed");
}

TEST_F(TlsTest, AServerWithoutLogicalDecodingIsRefused) {
  config::Config config;
  config.source = source("db.example.com", "sslmode=require");
  std::optional<Finding> wal_level;
  for (const auto& finding : open_source_admin(config)->preflight({})) {
    if (finding.code == "wal-level") wal_level = finding;
  }
  ASSERT_TRUE(wal_level);
  EXPECT_EQ(wal_level->severity, Finding::Severity::Error);
  EXPECT_THAT(wal_level->fix, HasSubstr("ALTER SYSTEM SET wal_level = 'logical'"));

  const auto refused = open_snapshot_source(config)->begin(SnapshotSource::SlotUse::CreatePermanent);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "55000");
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
  EXPECT_THAT(refused.error().remedy, HasSubstr("wal_level = logical"));
}

TEST_F(TlsTest, PreflightWarnsWhenNobodyVerifiesTheServer) {
  for (const bool verified : {true, false}) {
    config::Config config;
    config.source = source("db.example.com", (verified ? "sslmode=verify-full" : "sslmode=require") + ca("ca"));
    std::optional<Finding> tls;
    for (const auto& finding : open_source_admin(config)->preflight({})) {
      if (finding.code == "tls") tls = finding;
    }
    ASSERT_TRUE(tls);
    EXPECT_EQ(tls->severity, verified ? Finding::Severity::Ok : Finding::Severity::Warning);
    EXPECT_EQ(tls->message.find("hunter2"), std::string::npos);
  }
}

class PlainServerTest : public live::PgDatabase {};

TEST_P(PlainServerTest, RequiredTlsIsNotGivenUp) {
  auto demanding = config_.source;
  demanding.url = config::Secret(demanding.url.reveal() + " sslmode=require");
  const auto refused = Connection::open(demanding, Connection::Kind::Ordinary, "walbridge test");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "tls");
  EXPECT_EQ(refused.error().verdict, Verdict::Operator);
}

WALBRIDGE_EVERY_POSTGRES(PlainServerTest);

}  // namespace
}  // namespace walbridge::source_pg
