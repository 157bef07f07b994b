#include "sink-libsql/hrana_batch.h"

#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "sink-libsql/local_sql.h"
#include "sink-libsql/remote_sql.h"

namespace walbridge::sink_libsql {
namespace {

using Op = CacheChange::Op;
using Kind = SqlValue::Kind;

bool same_value(const SqlValue& a, const SqlValue& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Kind::Integer) return a.integer == b.integer;
  if (a.kind == Kind::Real) return std::memcmp(&a.real, &b.real, sizeof a.real) == 0;
  return a.bytes == b.bytes;
}

bool changes_key(const CacheTable& table, const CacheChange& change) {
  for (std::size_t i = 0; i < table.key.size(); ++i) {
    const auto& value = change.values[table.key[i]];
    if (value.kind != Kind::Absent && !same_value(value, change.match[i])) return true;
  }
  return false;
}

// Equal in SQLite, under the column's collation, if and only if the bytes are; a number is the same number whether it
// came as integer or real.
void append_key_part(std::string& to, const SqlValue& value, const CacheColumn& column) {
  SqlValue part = value;
  if (part.kind == Kind::Real && std::abs(part.real) < 9e15 && part.real == std::floor(part.real)) {
    part = SqlValue::of(static_cast<std::int64_t>(part.real));
  }
  to += static_cast<char>(part.kind);
  if (part.kind == Kind::Integer || part.kind == Kind::Real) {
    char bytes[8];
    std::memcpy(bytes, &part.integer, sizeof bytes);
    to.append(bytes, sizeof bytes);
    return;
  }
  const std::size_t length_at = to.size();
  to.append(8, '\0');
  to += part.bytes;
  if (part.kind == Kind::Text && remote_sql::has_collation(column)) {
    if (strcasestr(column.decl.c_str(), "RTRIM") != nullptr) {
      while (to.size() > length_at + 8 && to.back() == ' ') to.pop_back();
    } else if (strcasestr(column.decl.c_str(), "NOCASE") != nullptr) {
      for (auto c = to.begin() + static_cast<std::ptrdiff_t>(length_at + 8); c != to.end(); ++c) {
        if (*c >= 'A' && *c <= 'Z') *c = static_cast<char>(*c - 'A' + 'a');
      }
    }
  }
  const std::uint64_t length = to.size() - length_at - 8;
  std::memcpy(to.data() + length_at, &length, sizeof length);
}

std::vector<std::uint16_t> present_columns(std::span<const SqlValue> values) {
  std::vector<std::uint16_t> present;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].kind != Kind::Absent) present.push_back(static_cast<std::uint16_t>(i));
  }
  return present;
}

std::vector<SqlValue> pick(std::span<const SqlValue> values, std::span<const std::uint16_t> columns) {
  std::vector<SqlValue> picked;
  for (const auto column : columns) picked.push_back(values[column]);
  return picked;
}

Error row_missing(const CacheTable& table) {
  return {Verdict::PoisonRow, "row-missing", "table \"" + table.name + "\": a row to be updated is not in the cache",
          "somebody else wrote to the cache, or it misses rows: copy the table again", table.name};
}

Error no_rowid(const CacheTable& table) {
  return {Verdict::PoisonRow, "no-rowid",
          "table \"" + table.name + "\" has columns named rowid, _rowid_ and oid, so its rows cannot be told apart",
          "name one of these columns otherwise with a rule's column `as`", table.name};
}

Error bad_change() {
  return {Verdict::Operator, "bad-change", "a change does not fit its table's columns", "report this defect"};
}

// A change whose shape is not what cache_table.h says: a defect of the caller, not of the row.
bool well_formed(const CacheChange& change) {
  const auto& table = *change.table;
  const auto match_size = table.key.empty() ? table.columns.size() : table.key.size();
  const bool has_values = change.op != Op::Delete && change.op != Op::Truncate;
  const bool has_match = change.op == Op::Update || change.op == Op::Delete;
  if (has_values && change.values.size() != table.columns.size()) return false;
  if (has_match && change.match.size() != match_size) return false;
  return change.leaf_column < static_cast<std::int32_t>(table.columns.size());
}

}  // namespace

Status ChangeGroups::add(const CacheChange& change) {
  if (change.table == nullptr || !well_formed(change)) {
    return bad_change();
  }
  const auto& table = *change.table;
  if (change.op == Op::Truncate) {
    auto& pending = table_of(table);
    if (change.leaf_column < 0) pending.segments.clear();
    add_alone(pending, change);
    return {};
  }
  if (change.op == Op::SoftTruncate) {
    if (present_columns(change.values).size() != 1) return bad_change();
    add_alone(table_of(table), change);
    return {};
  }
  if (!change.values.empty()) WALBRIDGE_TRY(check_row(table, change.values));
  WALBRIDGE_TRY(check_row(table, change.match, table.key));
  if (rowid_name(table).empty() && (table.key.empty() || table.key.size() > 1)) return no_rowid(table);
  auto& pending = table_of(table);
  if (!table.key.empty()) return add_keyed(pending, change);
  if (change.op == Op::Insert || change.op == Op::Upsert) {
    open_segment(pending, Segment::Type::Append).rows.push_back({Fate::Upsert, false, keep(change.values), {}});
  } else {
    add_alone(pending, change);
  }
  return {};
}

Status ChangeGroups::add_keyed(Table& pending, const CacheChange& change) {
  const auto& table = *pending.table;
  const bool replaces = change.op == Op::Insert || change.op == Op::Upsert;
  if (replaces) {
    key_values_ = pick(change.values, table.key);
  } else {
    key_values_.assign(change.match.begin(), change.match.end());
  }
  if ((change.op == Op::Update && changes_key(table, change)) || needs_typed(table, key_values_, table.key)) {
    add_alone(pending, change);
    return {};
  }
  auto& segment = open_segment(pending, Segment::Type::Keyed);
  const auto found = pending.rows_by_key.find(key_bytes(table, key_values_));
  if (found == pending.rows_by_key.end()) {
    const auto fate = replaces ? Fate::Upsert : (change.op == Op::Update ? Fate::Update : Fate::Delete);
    const auto values = change.op == Op::Delete ? std::span<SqlValue>() : keep(change.values);
    segment.rows.push_back({fate, change.may_miss, values, keep(key_values_)});
    pending.rows_by_key.emplace(arena_.copy(key_scratch_), segment.rows.size() - 1);
    return {};
  }
  auto& row = segment.rows[found->second];
  if (change.op == Op::Update) {
    if (row.fate == Fate::Delete) return change.may_miss ? Status() : row_missing(table);
    row.may_miss = row.may_miss && change.may_miss;
    const auto values = keep(change.values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].kind != Kind::Absent) row.values[i] = values[i];
    }
    return {};
  }
  row.fate = replaces ? Fate::Upsert : Fate::Delete;
  row.values = replaces ? keep(change.values) : std::span<SqlValue>();
  row.key = keep(key_values_);
  return {};
}

void ChangeGroups::add_alone(Table& pending, const CacheChange& change) {
  auto& kept = open_segment(pending, Segment::Type::Single).single;
  kept = change;
  kept.values = keep(change.values);
  kept.match = keep(change.match);
}

ChangeGroups::Table& ChangeGroups::table_of(const CacheTable& table) {
  // Changes come in runs of one table, and few tables change in one transaction.
  for (auto known = tables_.rbegin(); known != tables_.rend(); ++known) {
    if (known->table == &table) return *known;
  }
  tables_.emplace_back().table = &table;
  return tables_.back();
}

ChangeGroups::Segment& ChangeGroups::open_segment(Table& pending, Segment::Type type) {
  const bool reuse = !pending.segments.empty() && type != Segment::Type::Single && pending.segments.back().type == type;
  if (!reuse) {
    pending.rows_by_key.clear();
    pending.segments.emplace_back().type = type;
  }
  return pending.segments.back();
}

std::span<SqlValue> ChangeGroups::keep(std::span<const SqlValue> values) {
  auto kept = arena_.array<SqlValue>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    kept[i] = values[i];
    if (values[i].kind == Kind::Text || values[i].kind == Kind::Blob) kept[i].bytes = arena_.copy(values[i].bytes);
  }
  return kept;
}

std::string_view ChangeGroups::key_bytes(const CacheTable& table, std::span<const SqlValue> row_key) {
  key_scratch_.clear();
  for (std::size_t i = 0; i < row_key.size(); ++i) {
    append_key_part(key_scratch_, row_key[i], table.columns[table.key[i]]);
  }
  return key_scratch_;
}

void ChangeGroups::clear() {
  tables_.clear();
  arena_.clear();
}

void ChangeGroups::write(HranaBatch& batch, StepPurposes& purposes) const {
  for (const auto& pending : tables_) {
    const auto& table = *pending.table;
    for (const auto& segment : pending.segments) {
      if (segment.type == Segment::Type::Single) {
        write_alone(table, segment.single, batch, purposes);
      } else {
        write_keyed(table, segment, batch, purposes);
      }
    }
  }
}

void ChangeGroups::write_keyed(const CacheTable& table, const Segment& segment, HranaBatch& batch,
                               StepPurposes& purposes) {
  const bool append = segment.type == Segment::Type::Append;
  if (!append) {
    JsonRowsWriter rows(batch, purposes, table, remote_sql::delete_rows(table), false);
    for (const auto& row : segment.rows) {
      if (row.fate != Fate::Delete) continue;
      rows.begin_row(row.key.size() > 1);
      for (std::size_t i = 0; i < row.key.size(); ++i) rows.value(table.columns[table.key[i]], row.key[i]);
      rows.end_row();
    }
  }
  const auto whole_row_sql = [&](remote_sql::Carrier carrier) {
    return append ? remote_sql::insert_rows(table, table.name, carrier) : remote_sql::upsert_rows(table, carrier);
  };
  std::vector<const Row*> typed;
  {
    JsonRowsWriter rows(batch, purposes, table, whole_row_sql(remote_sql::Carrier::JsonRows), false);
    for (const auto& row : segment.rows) {
      if (row.fate != Fate::Upsert) continue;
      if (needs_typed(table, row.values)) {
        typed.push_back(&row);
        continue;
      }
      rows.begin_row();
      for (std::size_t i = 0; i < row.values.size(); ++i) rows.value(table.columns[i], row.values[i]);
      rows.end_row();
    }
  }
  for (const auto* row : typed) {
    write_typed(batch, purposes, table, whole_row_sql(remote_sql::Carrier::Typed), row->values, {}, false);
  }
  if (!append) write_updates(table, segment, batch, purposes);
}

void ChangeGroups::write_updates(const CacheTable& table, const Segment& segment, HranaBatch& batch,
                                 StepPurposes& purposes) {
  std::map<std::pair<bool, std::vector<std::uint16_t>>, std::vector<const Row*>> by_columns;
  for (const auto& row : segment.rows) {
    if (row.fate != Fate::Update) continue;
    auto columns = present_columns(row.values);
    for (const auto key : table.key) std::erase(columns, key);
    if (columns.empty()) columns = {table.key.front()};  // nothing to set, yet the row must be there
    by_columns[{row.may_miss, std::move(columns)}].push_back(&row);
  }
  for (const auto& [kind, rows] : by_columns) {
    const auto& [may_miss, columns] = kind;
    const auto new_value = [&](const Row& row, std::uint16_t column) {
      return column == table.key.front() ? row.key.front() : row.values[column];
    };
    std::vector<const Row*> typed;
    {
      JsonRowsWriter json(batch, purposes, table,
                          remote_sql::update_rows(table, columns, remote_sql::Carrier::JsonRows), !may_miss);
      for (const auto* row : rows) {
        if (needs_typed(table, row->values)) {
          typed.push_back(row);
          continue;
        }
        json.begin_row();
        for (std::size_t i = 0; i < row->key.size(); ++i) json.value(table.columns[table.key[i]], row->key[i]);
        for (const auto column : columns) json.value(table.columns[column], new_value(*row, column));
        json.end_row();
      }
    }
    for (const auto* row : typed) {
      std::vector<SqlValue> set;
      for (const auto column : columns) set.push_back(new_value(*row, column));
      write_typed(batch, purposes, table, remote_sql::update_rows(table, columns, remote_sql::Carrier::Typed), set,
                  row->key, !may_miss);
    }
  }
}

void ChangeGroups::write_alone(const CacheTable& table, const CacheChange& change, HranaBatch& batch,
                               StepPurposes& purposes) {
  if (change.op == Op::Truncate || change.op == Op::SoftTruncate) {
    const bool soft = change.op == Op::SoftTruncate;
    batch.begin_step(soft ? soft_truncate_sql(table, change.values, change.leaf_column)
                          : truncate_sql(table, change.leaf_column));
    if (soft) batch.value(change.values[present_columns(change.values).front()]);
    if (change.leaf_column >= 0) batch.integer(change.leaf);
    batch.end_step();
    purposes.push_back({StepPurpose::Kind::Rows, table.name});
    return;
  }
  const bool keyed = !table.key.empty();
  if (change.op == Op::Insert || change.op == Op::Upsert) {
    return write_typed(batch, purposes, table, remote_sql::upsert_rows(table, remote_sql::Carrier::Typed),
                       change.values, {}, false);
  }
  const auto match_positions = present_columns(change.match);
  const auto matched = keyed ? table.key : match_positions;
  const auto match =
      keyed ? std::vector<SqlValue>(change.match.begin(), change.match.end()) : pick(change.match, match_positions);
  if (change.op == Op::Delete) {
    return write_typed(batch, purposes, table, remote_sql::delete_one(table, matched), match, {}, !keyed);
  }
  auto columns = present_columns(change.values);
  auto set = pick(change.values, columns);
  if (columns.empty()) {  // nothing to set, yet the row must be there
    columns = {matched.front()};
    set = {match.front()};
  }
  const auto sql = keyed ? remote_sql::update_rows(table, columns, remote_sql::Carrier::Typed)
                         : remote_sql::update_one(table, columns, matched);
  write_typed(batch, purposes, table, sql, set, match, !change.may_miss);
}

}  // namespace walbridge::sink_libsql
