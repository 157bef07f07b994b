// A plain session on one Postgres, set up as walbridge's own are, for tests that compare answers. One thread.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace walbridge::live {

class PgSession {
 public:
  using Row = std::vector<std::optional<std::string>>;

  explicit PgSession(const std::string& url) : connection_(PQconnectdb(url.c_str()), &PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) ADD_FAILURE() << PQerrorMessage(connection_.get());
    rows(
        "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; SET extra_float_digits = 3; "
        "SET bytea_output = hex; SET lc_monetary = 'C'; SET client_encoding = 'UTF8'");
  }

  // Nothing, and `error()`, when Postgres refuses.
  std::optional<std::vector<Row>> ask(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql.c_str()), &PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      error_ = PQresultErrorMessage(result.get());
      return std::nullopt;
    }
    std::vector<Row> all;
    for (int i = 0; i < PQntuples(result.get()); ++i) {
      Row row;
      for (int c = 0; c < PQnfields(result.get()); ++c) {
        if (PQgetisnull(result.get(), i, c) != 0) {
          row.emplace_back();
        } else {
          row.emplace_back(PQgetvalue(result.get(), i, c));
        }
      }
      all.push_back(std::move(row));
    }
    return all;
  }
  std::vector<Row> rows(const std::string& sql) {
    auto answer = ask(sql);
    if (!answer) ADD_FAILURE() << sql << "\n" << error_;
    return answer ? *std::move(answer) : std::vector<Row>{};
  }
  const std::string& error() const { return error_; }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::string error_;
};

}  // namespace walbridge::live
