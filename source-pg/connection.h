// One Postgres connection (RAII over PGconn) in the canonical session, so that COPY and the stream print a value as
// the same bytes. TLS and credentials are exactly what the URL says; a pooler's host is refused before connecting.
// Move-only; one thread at a time.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "pipeline/api/result.h"

namespace walbridge::source_pg {

// The rows of one finished query, as text. Views live as long as this object.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result) {}
  int size() const { return PQntuples(result_.get()); }
  int columns() const { return PQnfields(result_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  // "" for NULL.
  std::string_view text(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  std::string string(int row, int column) const { return std::string(text(row, column)); }
  bool flag(int row, int column) const { return text(row, column) == "t"; }
  std::int64_t integer(int row, int column) const;  // 0 when it is no number
  double real(int row, int column) const;           // 0 when it is no number
  // Position of the column called `name`, -1 when the server has none: for views that grow with versions.
  int find(const char* name) const { return PQfnumber(result_.get(), name); }
  const PGresult* raw() const { return result_.get(); }

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

class Connection {
 public:
  // Replication: replication=database; understands the replication commands and plain SQL (simple protocol only).
  enum class Kind { Ordinary, Replication };

  Connection() = default;  // closed

  static Result<Connection> open(const config::Source& source, Kind kind, std::string_view application_name);

  // One statement of the simple protocol, both kinds. `doing` starts the message of a failure.
  Result<Rows> query(const std::string& sql, std::string_view doing = {});
  // With $1 … as text; ordinary connections only.
  Result<Rows> query(const std::string& sql, std::initializer_list<std::string> parameters,
                     std::string_view doing = {});
  Status execute(const std::string& sql, std::string_view doing = {});

  std::string quote_literal(std::string_view text) const;
  std::string quote_identifier(std::string_view name) const;

  int server_version() const { return PQserverVersion(connection_.get()); }  // 150020
  int backend_pid() const { return PQbackendPID(connection_.get()); }
  bool healthy() const { return PQstatus(connection_.get()) == CONNECTION_OK; }
  PGconn* raw() const { return connection_.get(); }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  explicit Connection(PGconn* connection) : connection_(connection) {}
  Status make_session_canonical();

  std::unique_ptr<PGconn, Finish> connection_;
};

// "\"a b\"": always quoted, for statements built without a connection.
std::string quote_name(std::string_view name);
inline std::string quote_name(std::string_view schema, std::string_view name) {
  return quote_name(schema) + "." + quote_name(name);
}

}  // namespace walbridge::source_pg
