#include "source-pg/connection.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "source-pg/pg_error.h"
#include "source-pg/source_url.h"

namespace walbridge::source_pg {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kConnectSeconds = 10;  // per host, when the URL does not say

// Plain SQL, because a pooler or proxy may drop start-up options. What prints values comes first; the rest keeps the
// server from ending long, idle or waiting sessions. search_path decides how reg* values and type names print.
constexpr const char* kCanonicalSession =
    "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; SET extra_float_digits = 3;"
    "SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET client_encoding = 'UTF8'; SET search_path = 'public';"
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '60s'";

// Unknown to some version or forbidden by some provider; the stream works without them.
constexpr const char* kOptionalSettings =
    "SELECT pg_catalog.set_config(w.name, w.value, false) FROM (VALUES ('wal_sender_timeout', '60s'), "
    "('idle_session_timeout', '0'), ('transaction_timeout', '0'), ('xmloption', 'content')) AS w(name, value) "
    "JOIN pg_catalog.pg_settings s ON s.name = w.name AND s.context IN ('user', 'superuser')";

struct Parameters {
  std::vector<std::string> keywords;
  std::vector<std::string> values;
  void add(std::string keyword, std::string value) {
    keywords.push_back(std::move(keyword));
    values.push_back(std::move(value));
  }
};

// libpq before 16 takes sslrootcert=system for a file name.
Status add_system_certificates(const SourceUrl& url, Parameters& parameters) {
  if (url.ssl_root_cert != "system" || PQlibVersion() >= 160000) return Done{};
  if (!url.ssl_mode.empty() && url.ssl_mode != "verify-full") {
    return Error{Verdict::Operator, "tls", "source.url has sslrootcert=system with sslmode=" + url.ssl_mode,
                 "use sslmode=verify-full with sslrootcert=system"};
  }
  constexpr std::array<const char*, 4> kBundles = {"/etc/ssl/certs/ca-certificates.crt",
                                                   "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                                   "/etc/ssl/cert.pem"};
  const auto* bundle =
      std::find_if(kBundles.begin(), kBundles.end(), [](const char* path) { return access(path, R_OK) == 0; });
  if (bundle == kBundles.end()) {
    return Error{Verdict::Operator, "tls",
                 "source.url has sslrootcert=system, but this machine has no certificate bundle",
                 "install the package ca-certificates, or name a file in sslrootcert"};
  }
  parameters.add("sslrootcert", *bundle);
  parameters.add("sslmode", "verify-full");
  return Done{};
}

Result<Parameters> connection_parameters(const config::Source& source, const SourceUrl& url, Connection::Kind kind,
                                         std::string_view application_name) {
  Parameters parameters;  // before dbname: defaults the URL may change; after it: ours
  parameters.add("keepalives", "1");
  parameters.add("keepalives_idle", "30");
  parameters.add("keepalives_interval", "10");
  parameters.add("keepalives_count", "3");
  parameters.add("tcp_user_timeout", "40000");
  parameters.add("dbname", source.url.reveal());
  parameters.add("application_name", std::string(application_name));
  parameters.add("client_encoding", "UTF8");
  if (kind == Connection::Kind::Replication) parameters.add("replication", "database");
  WALBRIDGE_TRY(add_system_certificates(url, parameters));
  return parameters;
}

int seconds_to_connect(const SourceUrl& url) {
  int seconds = 0;
  std::from_chars(url.connect_timeout.data(), url.connect_timeout.data() + url.connect_timeout.size(), seconds);
  if (seconds <= 0) seconds = kConnectSeconds;
  return std::max(seconds, 2) * std::max(static_cast<int>(url.hosts.size()), 1);
}

void hide_secrets(std::string& text, const std::vector<std::string>& secrets) {
  // Replacing every "p" of a message hides nothing and shows what the password is.
  constexpr std::size_t kShortestToHide = 4;
  for (const auto& secret : secrets) {
    if (secret.size() < kShortestToHide) continue;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
      text.replace(at, secret.size(), config::Secret::kMask);
    }
  }
}

// Drives the handshake by hand, because only so the verbosity that shows a refusal's SQLSTATE can be set before it.
Status finish_handshake(PGconn* connection, int seconds) {
  const auto deadline = steady_clock::now() + std::chrono::seconds(seconds);
  auto step = PGRES_POLLING_WRITING;
  while (step != PGRES_POLLING_OK) {
    if (step == PGRES_POLLING_FAILED) return error_from(connection);
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) {
      return Error{Verdict::Retry, "timeout", "postgres did not answer within " + std::to_string(seconds) + " s",
                   "check host, port and firewall"};
    }
    const short wanted = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    pollfd descriptor{PQsocket(connection), wanted, 0};
    if (poll(&descriptor, 1, static_cast<int>(left)) > 0) step = PQconnectPoll(connection);
  }
  return Done{};
}

}  // namespace

std::int64_t Rows::integer(int row, int column) const {
  const auto digits = text(row, column);
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

double Rows::real(int row, int column) const {
  return std::strtod(PQgetvalue(result_.get(), row, column), nullptr);  // libpq ends every value with a NUL
}

Result<Connection> Connection::open(const config::Source& source, Kind kind, std::string_view application_name) {
  WALBRIDGE_TRY_AS(const auto url, parse_source_url(source.url));
  WALBRIDGE_TRY_AS(const auto parameters, connection_parameters(source, url, kind, application_name));
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& keyword : parameters.keywords) keywords.push_back(keyword.c_str());
  for (const auto& value : parameters.values) values.push_back(value.c_str());
  keywords.push_back(nullptr);
  values.push_back(nullptr);

  Connection connection(PQconnectStartParams(keywords.data(), values.data(), 1));
  if (connection.raw() == nullptr)
    return Error{Verdict::Operator, "memory", "no memory for a connection", "give the process more memory"};
  PQsetErrorVerbosity(connection.raw(), PQERRORS_VERBOSE);
  auto status = PQstatus(connection.raw()) == CONNECTION_BAD
                    ? Status(error_from(connection.raw()))
                    : finish_handshake(connection.raw(), seconds_to_connect(url));
  if (status) {
    PQsetErrorVerbosity(connection.raw(), PQERRORS_DEFAULT);
    PQsetNoticeProcessor(
        connection.raw(), [](void*, const char*) {}, nullptr);  // libpq would print it to standard error
    status = connection.make_session_canonical();
  }
  if (!status) {
    hide_secrets(status.error().message, url.secrets);
    return std::move(status.error());
  }
  return connection;
}

Status Connection::make_session_canonical() {
  WALBRIDGE_TRY(execute(kCanonicalSession, "setting up the session"));
  if (auto ignored = query(kOptionalSettings); !ignored && !healthy()) return std::move(ignored.error());
  return Done{};
}

Result<Rows> Connection::query(const std::string& sql, std::string_view doing) {
  Rows rows(PQexec(raw(), sql.c_str()));
  const auto status = PQresultStatus(rows.raw());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return rows;
  return rows.raw() == nullptr ? error_from(raw(), doing) : error_from(rows.raw(), doing);
}

Result<Rows> Connection::query(const std::string& sql, std::initializer_list<std::string> parameters,
                               std::string_view doing) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  Rows rows(
      PQexecParams(raw(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0));
  const auto status = PQresultStatus(rows.raw());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return rows;
  return rows.raw() == nullptr ? error_from(raw(), doing) : error_from(rows.raw(), doing);
}

Status Connection::execute(const std::string& sql, std::string_view doing) {
  WALBRIDGE_TRY(query(sql, doing));
  return Done{};
}

std::string Connection::quote_literal(std::string_view text) const {
  const std::unique_ptr<char, decltype(&PQfreemem)> quoted(PQescapeLiteral(raw(), text.data(), text.size()),
                                                           &PQfreemem);
  return quoted ? std::string(quoted.get()) : std::string("NULL");
}

std::string Connection::quote_identifier(std::string_view name) const { return quote_name(name); }

std::string quote_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace walbridge::source_pg
