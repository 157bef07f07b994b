#include "tests/contract/fake_table.h"

#include <algorithm>

namespace walbridge::testing {
namespace {

Error poison(const FakeTable& table, const char* code, const char* message) {
  return {Verdict::PoisonRow, code, "table " + table.shape.name + ": " + message, "load the table again",
          table.shape.name};
}

FakeRow row_of(std::span<const SqlValue> values) {
  FakeRow row;
  for (const auto& value : values) row.push_back(fake_value(value));
  return row;
}

FakeRow key_of(const FakeTable& table, const FakeRow& row) {
  FakeRow key;
  for (const auto column : table.shape.key) key.push_back(row[column]);
  return key;
}

bool has_absent(std::span<const SqlValue> values) {
  return std::any_of(values.begin(), values.end(),
                     [](const SqlValue& value) { return value.kind == SqlValue::Kind::Absent; });
}

FakeRow with_present(FakeRow row, std::span<const SqlValue> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].kind != SqlValue::Kind::Absent) row[i] = fake_value(values[i]);
  }
  return row;
}

Status update(FakeTable& table, const CacheChange& change) {
  const auto missing = [&] { return change.may_miss ? Status() : Status(poison(table, "row-missing", "no such row")); };
  const auto match = row_of(change.match);
  if (table.shape.key.empty()) {
    const auto found = std::find(table.keyless.begin(), table.keyless.end(), match);
    if (found == table.keyless.end()) return missing();
    *found = with_present(*found, change.values);
    return {};
  }
  const auto found = table.keyed.find(match);
  if (found == table.keyed.end()) return missing();
  auto row = with_present(found->second, change.values);
  const auto key = key_of(table, row);
  if (key != match && table.keyed.contains(key)) return poison(table, "SQLITE_CONSTRAINT", "the key exists");
  table.keyed.erase(found);
  table.keyed[key] = std::move(row);
  return {};
}

Status erase(FakeTable& table, const CacheChange& change) {
  const auto match = row_of(change.match);
  if (!table.shape.key.empty()) {
    table.keyed.erase(match);
    return {};
  }
  const auto found = std::find(table.keyless.begin(), table.keyless.end(), match);
  if (found == table.keyless.end()) return poison(table, "row-missing", "no such row");
  table.keyless.erase(found);
  return {};
}

bool is_truncated(const CacheChange& change, const FakeRow& row) {
  return change.leaf_column < 0 || row[static_cast<std::size_t>(change.leaf_column)] == FakeValue(change.leaf);
}

void soft_truncate(FakeTable& table, const CacheChange& change) {
  const auto mark = [&](FakeRow& row) {
    if (!is_truncated(change, row)) return;
    for (std::size_t i = 0; i < change.values.size(); ++i) {
      const bool to_be_set = change.values[i].kind != SqlValue::Kind::Absent && row[i] == FakeValue();
      if (to_be_set) row[i] = fake_value(change.values[i]);
    }
  };
  for (auto& [key, row] : table.keyed) mark(row);
  for (auto& row : table.keyless) mark(row);
}

void truncate(FakeTable& table, const CacheChange& change) {
  const auto goes = [&](const FakeRow& row) { return is_truncated(change, row); };
  std::erase_if(table.keyed, [&](const auto& entry) { return goes(entry.second); });
  std::erase_if(table.keyless, goes);
}

}  // namespace

FakeValue fake_value(const SqlValue& value) {
  switch (value.kind) {
    case SqlValue::Kind::Integer:
      return value.integer;
    case SqlValue::Kind::Real:
      return value.real;
    case SqlValue::Kind::Text:
      return std::string(value.bytes);
    case SqlValue::Kind::Blob:
      return FakeBlob{std::string(value.bytes)};
    default:
      return std::monostate{};
  }
}

std::vector<FakeRow> FakeTable::rows() const {
  std::vector<FakeRow> all = keyless;
  for (const auto& [key, row] : keyed) all.push_back(row);
  return all;
}

Status fake_insert(FakeTable& table, std::span<const SqlValue> values) {
  if (has_absent(values)) return poison(table, "value-absent", "a value is missing");
  auto row = row_of(values);
  if (table.shape.key.empty()) {
    table.keyless.push_back(std::move(row));
    return {};
  }
  auto key = key_of(table, row);
  if (!table.keyed.emplace(std::move(key), std::move(row)).second) {
    return poison(table, "SQLITE_CONSTRAINT", "the key exists");
  }
  return {};
}

namespace {

Status apply_in_order(FakeTable& table, const CacheChange& change) {
  switch (change.op) {
    case CacheChange::Op::Insert:
      return fake_insert(table, change.values);
    case CacheChange::Op::Upsert: {
      if (has_absent(change.values)) return poison(table, "value-absent", "a value is missing");
      auto row = row_of(change.values);
      auto key = key_of(table, row);
      table.keyed[std::move(key)] = std::move(row);
      return {};
    }
    case CacheChange::Op::Update:
      return update(table, change);
    case CacheChange::Op::Delete:
      return erase(table, change);
    case CacheChange::Op::Truncate:
      truncate(table, change);
      return {};
    case CacheChange::Op::SoftTruncate:
      soft_truncate(table, change);
      return {};
  }
  return {};
}

}  // namespace

// A plan's columns may stand in another order than the table's: a column that was added later stands last in it.
Status fake_apply(FakeTable& table, const CacheChange& change) {
  const auto& have = table.shape.columns;
  const auto& given = change.table->columns;
  const bool in_order = std::equal(have.begin(), have.end(), given.begin(), given.end(),
                                   [](const auto& a, const auto& b) { return a.name == b.name; });
  if (in_order) return apply_in_order(table, change);
  const auto position = [&](std::size_t at) {
    return std::find_if(have.begin(), have.end(), [&](const auto& column) { return column.name == given[at].name; }) -
           have.begin();
  };
  auto moved = change;
  std::vector<SqlValue> values(have.size());
  std::vector<SqlValue> match(change.match.begin(), change.match.end());
  if (change.table->key.empty()) match.assign(change.match.empty() ? 0 : have.size(), SqlValue());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto to = static_cast<std::size_t>(position(i));
    if (to == have.size()) return poison(table, "table-altered", "a column is missing");
    if (!change.values.empty()) values[to] = change.values[i];
    if (change.table->key.empty() && !change.match.empty()) match[to] = change.match[i];
  }
  moved.values = change.values.empty() ? std::span<const SqlValue>() : values;
  moved.match = match;
  if (change.leaf_column >= 0)
    moved.leaf_column = static_cast<std::int32_t>(position(static_cast<std::size_t>(change.leaf_column)));
  return apply_in_order(table, moved);
}

}  // namespace walbridge::testing
