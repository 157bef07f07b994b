// Writes many rows into steps of a batch: as JSON arguments of at most 1 MB each, and rows that JSON cannot carry as
// typed arguments of their own. Knows what each step is for, so that its failure can be explained. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"
#include "sink-libsql/hrana_json.h"

namespace walbridge::sink_libsql {

// What a step of a batch is for; `table` names the cache table when it is about one.
struct StepPurpose {
  enum class Kind {
    Control,
    Begin,
    Guard,
    Rows,
    RowCheck,
    OwnershipCheck,
    SchemaCheck,  // the schema is still the one the steps were planned for
    Schema,       // of walbridge's own tables, or in a load
    Alter,        // of one table
    Commit,
    Rollback,
    Read
  };
  Kind kind = Kind::Control;
  std::string table;
  std::string object{};  // Alter: makes this one of the user's again
};
using StepPurposes = std::vector<StepPurpose>;  // by step number

constexpr std::size_t kLargestValue = 5'000'000;  // sqld's max_row_size: any value, row or statement
constexpr std::size_t kJsonArgumentBytes = 1'000'000;
constexpr std::size_t kJsonRowBytes = 400'000;  // of values; a row above travels as typed arguments

// PoisonRow when the server cannot hold the row (value-too-large) or JSON cannot carry it (invalid-utf8).
// `positions`: the columns of `values`; empty: all of the table's.
Status check_row(const CacheTable& table, std::span<const SqlValue> values,
                 std::span<const std::uint16_t> positions = {});

// True when the row must travel as typed arguments: it is big, or a value does not fit its column's JSON form.
bool needs_typed(const CacheTable& table, std::span<const SqlValue> values,
                 std::span<const std::uint16_t> positions = {});

class JsonRowsWriter {
 public:
  // `require_changes`: each statement must change as many rows as it was given.
  JsonRowsWriter(HranaBatch& batch, StepPurposes& purposes, const CacheTable& table, std::string sql,
                 bool require_changes);
  ~JsonRowsWriter() { finish(); }
  JsonRowsWriter(const JsonRowsWriter&) = delete;
  JsonRowsWriter& operator=(const JsonRowsWriter&) = delete;

  void begin_row(bool as_array = true);
  void value(const CacheColumn& column, const SqlValue& value);
  void end_row();
  void finish();

 private:
  void open();
  void close();
  HranaBatch& batch_;
  StepPurposes& purposes_;
  const CacheTable& table_;
  std::string sql_;
  bool require_changes_;
  bool as_array_ = true;
  bool first_value_ = true;
  std::size_t rows_ = 0;
  std::size_t row_start_ = 0;
};

// One statement with typed arguments.
void write_typed(HranaBatch& batch, StepPurposes& purposes, const CacheTable& table, const std::string& sql,
                 std::span<const SqlValue> first, std::span<const SqlValue> second, bool require_change);

}  // namespace walbridge::sink_libsql
