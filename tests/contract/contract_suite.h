// The suite's ground: one cache of each kind per test, the tables the tests use, and short ways to say a change.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/api/sink.h"
#include "tests/contract/cache_under_test.h"

namespace walbridge::testing {

constexpr const char* kSource = "source-1";

// `decl` with the column's name in front: {"id BIGINT", "name TEXT"}.
CacheTable make_table(std::uint32_t oid, const std::string& name, std::initializer_list<const char*> columns,
                      std::vector<std::uint16_t> key, bool rowid_key = false);
CacheTable orders_table();     // id INTEGER (rowid key), name TEXT, price DOUBLE, data BLOB, leaf BIGINT
CacheTable positions_table();  // (code TEXT, line BIGINT) key, note TEXT
CacheTable events_table();     // kind TEXT, amount BIGINT, no key

SqlValue integer(std::int64_t value);
SqlValue real(double value);
SqlValue text(std::string_view value);
SqlValue blob(std::string_view bytes);
SqlValue null();
SqlValue absent();

using Values = std::vector<SqlValue>;
Row row(const Values& values);
Rows sorted(Rows rows);

Checkpoint at(std::uint64_t commit_lsn);  // end_lsn a little behind it, a commit time
TableRecord live(const CacheTable& table, std::uint64_t snapshot_lsn = 1000);
std::unique_ptr<LoadBlock> block_of(const CacheTable& table, const std::vector<Values>& rows);

class Contract : public ::testing::TestWithParam<CacheKind> {
 protected:
  Contract() : cache_(GetParam().make()) {}

  // A sink of the stream, opened.
  std::unique_ptr<Sink> open(const std::string& stream = "main");
  // The same, with `tables` loaded, live and empty, at checkpoint 1000.
  std::unique_ptr<Sink> filled(std::initializer_list<const CacheTable*> tables, const std::string& stream = "main");
  void load(Sink& sink, const CacheTable& table, const std::vector<Values>& rows, Checkpoint checkpoint);

  Rows rows(const CacheTable& table);  // fails the test when there is no such table
  SinkState peek(const std::string& stream = "main");

  std::unique_ptr<CacheUnderTest> cache_;
};

Status insert(Sink& sink, const CacheTable& table, const Values& values);
Status upsert(Sink& sink, const CacheTable& table, const Values& values);
Status update(Sink& sink, const CacheTable& table, const Values& match, const Values& values);
Status erase(Sink& sink, const CacheTable& table, const Values& match);
Status truncate(Sink& sink, const CacheTable& table);
Status truncate_leaf(Sink& sink, const CacheTable& table, std::int32_t column, std::int64_t leaf);

Status soft_truncate(Sink& sink, const CacheTable& table, const Values& values, std::int32_t leaf_column = -1,
                     std::int64_t leaf = 0);
Status update_if_there(Sink& sink, const CacheTable& table, const Values& match, const Values& values);

SchemaStep create_step(const CacheTable& table, const std::string& name);
SchemaStep drop_step(const std::string& table);
SchemaStep rename_step(const std::string& table, const std::string& to);
SchemaStep add_column_step(const std::string& table, CacheColumn column, SqlValue fill);
SchemaStep add_computed_step(const std::string& table, ComputedColumn computed);
SchemaStep drop_column_step(const std::string& table, const std::string& column);
SchemaStep rename_column_step(const std::string& table, const std::string& column, const std::string& to);
SchemaStep index_step(const std::string& table, CacheIndex index);
SchemaStep drop_index_step(const std::string& table, CacheIndex index);
SchemaStep execute_step(const std::string& table, const std::string& sql);
Status alter(Sink& sink, const std::vector<SchemaStep>& steps);

// "ok", or the error on one line.
std::string outcome(const Status& status);

#define EXPECT_OK(expression) EXPECT_EQ("ok", ::walbridge::testing::outcome(expression))
#define ASSERT_OK(expression) ASSERT_EQ("ok", ::walbridge::testing::outcome(expression))

}  // namespace walbridge::testing
