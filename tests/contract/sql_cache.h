// What the caches that speak SQL have in common; each brings its own way to run a statement, never the sink's.
#pragma once

#include <optional>
#include <string>

#include "tests/contract/cache_under_test.h"

namespace walbridge::testing {

class SqlCache : public CacheUnderTest {
 public:
  std::optional<Rows> rows(const CacheTable& table) override;
  std::optional<Rows> query(const std::string& sql) override { return run(sql); }
  bool speaks_sql() const override { return true; }

  void move_stored_commit_lsn(const std::string& stream, std::int64_t commit_lsn) override;
  void move_stored_offset(const std::string& stream, std::int64_t offset) override;
  void lose_checkpoint(const std::string& stream) override;
  void make_strange_table(const std::string& name) override;
  void make_first_layout() override;
  void make_layout_without_kafka() override;

 protected:
  // Runs one statement; its rows sorted, or nullopt when it failed.
  virtual std::optional<Rows> run(const std::string& sql) = 0;
  // Leaves the database as new.
  void empty_database();
};

}  // namespace walbridge::testing
