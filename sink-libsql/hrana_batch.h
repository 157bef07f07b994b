// Groups the changes of one cache transaction into few statements: per table, operation and set of columns one
// JSON argument, the last image of a key wins. Invariant: running the statements in order leaves the tables as
// applying the changes one by one would, and a change that finds no row fails its step. Copies what it keeps.
// One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipeline/api/arena.h"
#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"
#include "sink-libsql/hrana_json.h"
#include "sink-libsql/hrana_rows.h"

namespace walbridge::sink_libsql {

class ChangeGroups {
 public:
  // PoisonRow: the change had no effect.
  Status add(const CacheChange& change);

  // Appends the statements, each on condition that the step before was ok.
  void write(HranaBatch& batch, StepPurposes& purposes) const;

  bool empty() const { return tables_.empty(); }
  void clear();

 private:
  enum class Fate : std::uint8_t { Upsert, Update, Delete };  // what becomes of a row in this transaction
  struct Row {
    Fate fate = Fate::Upsert;
    bool may_miss = false;       // Update
    std::span<SqlValue> values;  // one per column; empty for Delete
    std::span<SqlValue> key;     // one per key column, as the cache holds it before this transaction's Update
  };
  // A stretch of one table's changes whose rows can be reordered: keyed rows, appended rows, or one change alone.
  struct Segment {
    enum class Type : std::uint8_t { Keyed, Append, Single };
    Type type = Type::Keyed;
    std::vector<Row> rows;
    CacheChange single;
  };
  struct Table {
    const CacheTable* table = nullptr;
    std::vector<Segment> segments;
    std::unordered_map<std::string_view, std::size_t> rows_by_key;  // of the last segment, if that is Keyed
  };

  Table& table_of(const CacheTable& table);
  Status add_keyed(Table& table, const CacheChange& change);
  void add_alone(Table& table, const CacheChange& change);
  Segment& open_segment(Table& table, Segment::Type type);
  std::span<SqlValue> keep(std::span<const SqlValue> values);
  std::string_view key_bytes(const CacheTable& table, std::span<const SqlValue> row_key);
  static void write_keyed(const CacheTable& table, const Segment& segment, HranaBatch& batch, StepPurposes& purposes);
  static void write_updates(const CacheTable& table, const Segment& segment, HranaBatch& batch, StepPurposes& purposes);
  static void write_alone(const CacheTable& table, const CacheChange& change, HranaBatch& batch,
                          StepPurposes& purposes);

  std::vector<Table> tables_;
  Arena arena_{256 * 1024};
  std::string key_scratch_;
  std::vector<SqlValue> key_values_;
};

}  // namespace walbridge::sink_libsql
