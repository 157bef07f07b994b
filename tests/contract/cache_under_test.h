// A cache the contract suite is run on: how to open a sink on it, and how to read it back without that sink.
// To put another kind of sink under the contract, implement this and add it to caches_under_test().
#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "pipeline/api/sink.h"

namespace walbridge::testing {

// Cells as "null", "i:5", "r:0.10000000000000001", "t:text" or "b:00FF", so that class and value are compared exactly.
using Row = std::vector<std::string>;
using Rows = std::vector<Row>;  // sorted

std::string null_cell();
std::string integer_cell(std::int64_t value);
std::string real_cell(double value);
std::string text_cell(std::string_view value);
std::string blob_cell(std::string_view bytes);
std::string cell(const SqlValue& value);

class CacheUnderTest {
 public:
  virtual ~CacheUnderTest() = default;

  // A new sink on this cache, not yet opened.
  virtual std::unique_ptr<Sink> make_sink(const std::string& stream) = 0;
  std::unique_ptr<Sink> make_sink() { return make_sink("main"); }

  // All rows of the table's columns; nullopt when there is no such table.
  virtual std::optional<Rows> rows(const CacheTable& table) = 0;

  // Meddling behind the sink's back.
  virtual void move_stored_commit_lsn(const std::string& stream, std::int64_t commit_lsn) = 0;
  virtual void move_stored_offset(const std::string& stream, std::int64_t offset) = 0;
  virtual void lose_checkpoint(const std::string& stream) = 0;
  virtual void make_strange_table(const std::string& name) = 0;  // one nobody told walbridge about
  // The system tables become those of the first version, or of those that did not know Kafka.
  virtual void make_first_layout() {}
  virtual void make_layout_without_kafka() {}

  // The next commit of the sink made last takes effect but its answer is lost. False: this kind of cache has no wire
  // on which that could happen.
  virtual bool lose_next_commit_answer() { return false; }

  // One SELECT, for what only SQL caches have; nullopt: no SQL, or the statement failed.
  virtual std::optional<Rows> query(const std::string& /*sql*/) { return std::nullopt; }
  virtual bool speaks_sql() const { return false; }
  // SQLite itself: full-text tables, computed columns, comments and the case of names, which tursodb has not.
  virtual bool is_sqlite() const { return false; }
  virtual bool has_vectors() const { return false; }
};

struct CacheKind {
  std::string name;
  std::unique_ptr<CacheUnderTest> (*make)();  // an empty cache
  friend std::ostream& operator<<(std::ostream& out, const CacheKind& kind) { return out << kind.name; }
};
// The fake and the local file; sqld and tursodb when WALBRIDGE_TEST_SQLD_URL and WALBRIDGE_TEST_TURSODB_URL are set.
const std::vector<CacheKind>& caches_under_test();

std::unique_ptr<CacheUnderTest> make_fake_cache();
std::unique_ptr<CacheUnderTest> make_file_cache();
std::unique_ptr<CacheUnderTest> make_sqld_cache();
std::unique_ptr<CacheUnderTest> make_tursodb_cache();

}  // namespace walbridge::testing
