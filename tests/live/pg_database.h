// A fresh database on each of the servers that WALBRIDGE_TEST_PG14_URL … WALBRIDGE_TEST_PG18_URL name, for one test.
// Removes its slots, its roles and itself afterwards. One thread.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "source-pg/connection.h"

namespace walbridge::live {

// "host='…' port='…' user='…' dbname='DATABASE'" out of any URL.
inline std::string url_with(const std::string& url, const std::string& database, const std::string& user = {}) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(url.c_str(), &message),
                                                                             &PQconninfoFree);
  std::string text;
  if (!options) {
    ADD_FAILURE() << message;
    PQfreemem(message);
    return text;
  }
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    const std::string keyword = option->keyword;
    if (option->val == nullptr || keyword == "dbname" || (keyword == "user" && !user.empty())) continue;
    text += keyword + "='" + option->val + "' ";
  }
  if (!user.empty()) text += "user='" + user + "' ";
  return text + "dbname='" + database + "'";
}

class PgDatabase : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const std::string variable = "WALBRIDGE_TEST_PG" + std::to_string(GetParam()) + "_URL";
    const char* url = std::getenv(variable.c_str());
    if (url == nullptr)
      GTEST_SKIP() << variable << " is not set: run me under tests/support/with_servers.py --pg " << GetParam();
    server_ = url;
    static std::atomic<int> counter{0};
    name_ = "walbridge_" + std::to_string(getpid()) + "_" + std::to_string(++counter);
    run_on_server("CREATE DATABASE " + name_);
    config_.source = source_for();
    auto connection = source_pg::Connection::open(config_.source, source_pg::Connection::Kind::Ordinary, "test");
    ASSERT_TRUE(connection) << describe(connection.error());
    sql_.emplace(*std::move(connection));
  }

  void TearDown() override {
    if (name_.empty()) return;
    sql_.reset();
    // Ends whatever a failed test left behind; slots go first, for a database with a slot cannot be dropped.
    run_on_server("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name_ + "'");
    for (int tries = 0; tries < 200; ++tries) {
      if (rows_on_server(
              "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active AND database = '" +
              name_ + "'") &&
          value_on_server("SELECT count(*) FROM pg_replication_slots WHERE database = '" + name_ + "'") == "0") {
        break;
      }
      usleep(20'000);
    }
    run_on_server("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
    for (const auto& role : roles_) run_on_server("DROP ROLE IF EXISTS " + role);
  }

  int version() const { return GetParam(); }
  source_pg::Connection& sql() { return *sql_; }

  void run(const std::string& statement) {
    const auto status = sql().execute(statement);
    ASSERT_TRUE(status) << statement << "\n" << describe(status.error());
  }
  std::string value(const std::string& query) {
    const auto rows = sql().query(query);
    EXPECT_TRUE(rows) << query << "\n" << (rows ? "" : describe(rows.error()));
    return rows && rows->size() > 0 ? rows->string(0, 0) : std::string();
  }

  // A name no other test on this server uses; a slot's or a role's.
  std::string unique(const std::string& stem) const { return stem + name_.substr(9); }
  std::string role(const std::string& stem, const std::string& attributes) {
    roles_.push_back(unique(stem));
    run_on_server("CREATE ROLE " + roles_.back() + " LOGIN " + attributes);
    return roles_.back();
  }

  config::Source source_for(const std::string& user = {}) const {
    config::Source source;
    source.url = config::Secret(url_with(server_, name_, user));
    source.slot = unique("slot");
    source.publication = "walbridge";
    return source;
  }

  std::string run_on_server(const std::string& statement) { return value_on_server(statement); }

  config::Config config_;
  std::string name_;
  std::string server_;

 private:
  bool rows_on_server(const std::string& query) {
    config::Source source;
    source.url = config::Secret(server_);
    auto connection = source_pg::Connection::open(source, source_pg::Connection::Kind::Ordinary, "test");
    return connection && connection->execute(query);
  }
  std::string value_on_server(const std::string& query) {
    config::Source source;
    source.url = config::Secret(server_);
    auto connection = source_pg::Connection::open(source, source_pg::Connection::Kind::Ordinary, "test");
    EXPECT_TRUE(connection) << (connection ? "" : describe(connection.error()));
    if (!connection) return {};
    const auto rows = connection->query(query);
    EXPECT_TRUE(rows) << query << "\n" << (rows ? "" : describe(rows.error()));
    return rows && rows->size() > 0 ? rows->string(0, 0) : std::string();
  }

  std::optional<source_pg::Connection> sql_;
  std::vector<std::string> roles_;
};

#define WALBRIDGE_EVERY_POSTGRES(suite)                                      \
  INSTANTIATE_TEST_SUITE_P(Pg, suite, ::testing::Values(14, 15, 16, 17, 18), \
                           [](const auto& version) { return std::to_string(version.param); })

}  // namespace walbridge::live
