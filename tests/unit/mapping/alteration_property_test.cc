// Any table altered into any other one is the other one: random tables, rows and changes, from a seed.
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/mapping/followed_cache.h"
#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using testing::FollowedCache;
using testing::RecordedTable;

// A table at the source: what Postgres would hold of it after each change.
class ChangingTable {
 public:
  explicit ChangingTable(unsigned seed) : luck_(seed) {
    table_.source.oid = 4711;
    table_.source.schema = "public";
    table_.source.name = "t";
    table_.files["4711"] = 1;
    const auto rows = below(8);
    for (std::size_t i = 0; i < rows; ++i) values_.emplace_back();
    add("id", testing::type("int4"), false);
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i][1] = std::to_string(i + 1);
    key({1});
    for (auto more = below(5); more > 0; --more) add_column();
  }

  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(luck_); }

  void change() {
    switch (below(9)) {
      case 0:
      case 1:
        return add_column();
      case 2:
        return drop_column();
      case 3:
      case 4:
        return rename_column();
      case 5:
        return widen_column();
      case 6:
        return toggle_index();
      case 7:
        return key(table_.source.indexes.front().key.size() == 1 ? both() : std::vector<std::int16_t>{1});
      default:
        table_.source.name = "t" + std::to_string(below(3));
    }
  }

  RecordedTable recorded() const {
    auto made = table_;
    for (const auto& row : values_) {
      RecordedTable::Row wire;
      wire.heap = made.source.oid;
      for (const auto& column : made.source.columns) {
        if (column.generated) continue;
        const auto found = row.find(column.attnum);
        wire.values.push_back(found == row.end() ? std::nullopt : found->second);
      }
      made.rows.push_back(std::move(wire));
    }
    made.source.json = made.source.name + std::to_string(changes_++);
    return made;
  }

 private:
  using Values = std::map<std::int16_t, std::optional<std::string>>;

  void add(const std::string& name, std::shared_ptr<const PgType> type, bool fill) {
    SourceColumn column;
    column.attnum = ++last_attnum_;
    column.name = name;
    column.type = std::move(type);
    if (fill) column.missing = sample(*column.type);
    if (fill) column.expression = "a default";
    for (auto& row : values_) row[column.attnum] = column.missing;
    table_.source.columns.push_back(std::move(column));
  }

  std::string sample(const PgType& type) {
    const auto number = std::to_string(below(100));
    if (type.kind == "bool") return below(2) == 0 ? "t" : "f";
    if (type.kind == "numeric") return below(5) == 0 ? "NaN" : number + ".50";
    if (type.kind == "timestamptz") return "2024-01-01 00:00:" + (number.size() < 2 ? "0" + number : "30") + "+00";
    if (type.kind == "jsonb") return "{\"it's\": " + number + "}";
    return type.kind == "text" ? "it's \"" + number + "\"" : number;
  }

  std::string new_name() {
    static const std::vector<std::string> kNames = {"a", "B", "c d", "e\"f", "order", "g'h", "üb", "x1", "x2", "x3"};
    for (;;) {
      const auto& name = kNames[below(kNames.size())];
      const bool taken = std::any_of(table_.source.columns.begin(), table_.source.columns.end(),
                                     [&](const auto& each) { return each.name == name; });
      if (!taken) return name;
    }
  }

  void add_column() {
    if (table_.source.columns.size() > 7) return;
    switch (below(7)) {
      case 0:
        return add(new_name(), testing::type("int4"), below(2) == 0);
      case 1:
        return add(new_name(), testing::numeric(10, 2), below(2) == 0);
      case 2:
        return add(new_name(), testing::type("bool"), below(2) == 0);
      case 3:
        return add(new_name(), testing::type("timestamptz"), below(2) == 0);
      case 4:
        return add(new_name(), testing::type("jsonb"), below(2) == 0);
      case 5: {
        add(new_name(), testing::type("int4"), false);
        table_.source.columns.back().generated = true;
        table_.source.columns.back().expression = "(id + " + std::to_string(below(3)) + ")";
        return;
      }
      default:
        return add(new_name(), testing::type("text"), below(2) == 0);
    }
  }

  bool is_in_key(std::int16_t attnum) const {
    const auto& key = table_.source.indexes.front().key;
    return std::any_of(key.begin(), key.end(), [&](const auto& part) { return part.attnum == attnum; });
  }

  void drop_column() {
    auto& columns = table_.source.columns;
    const auto at = below(columns.size());
    const auto attnum = columns[at].attnum;
    if (is_in_key(attnum)) return;
    columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(at));
    std::erase_if(table_.source.indexes, [&](const SourceIndex& index) {
      return std::any_of(index.key.begin(), index.key.end(), [&](const auto& part) { return part.attnum == attnum; });
    });
  }

  // Also in a circle, as several renames between two looks at the catalog may be.
  void rename_column() {
    auto& columns = table_.source.columns;
    auto& one = columns[below(columns.size())];
    auto& other = columns[below(columns.size())];
    if (one.attnum == 1 || other.attnum == 1) return;  // expressions speak of id
    if (below(2) == 0) {
      std::swap(one.name, other.name);
    } else {
      one.name = new_name();
    }
  }

  // What Postgres does without touching the rows.
  void widen_column() {
    for (auto& column : table_.source.columns) {
      if (column.generated) continue;
      if (column.type->kind == "numeric") column.type = testing::numeric(10 + static_cast<int>(below(10)), 2);
      if (column.type->kind == "text") column.type = testing::type(below(2) == 0 ? "varchar" : "text");
    }
  }

  void toggle_index() {
    auto& indexes = table_.source.indexes;
    if (indexes.size() > 1 && below(2) == 0) {
      indexes.pop_back();
      return;
    }
    SourceIndex index;
    index.name = "i" + std::to_string(below(5));
    for (const auto& each : indexes) {
      if (each.name == index.name) return;
    }
    index.method = "btree";
    const auto& column = table_.source.columns[below(table_.source.columns.size())];
    index.key.push_back({column.attnum, below(2) == 0, {}, {}});
    index.partial = below(3) == 0;
    if (index.partial) index.predicate = "(id > " + std::to_string(below(3)) + ")";
    indexes.push_back(std::move(index));
  }

  std::vector<std::int16_t> both() {
    for (const auto& column : table_.source.columns) {
      if (column.attnum != 1 && !column.generated && has_no_null(column.attnum)) return {column.attnum, 1};
    }
    return {1};
  }

  bool has_no_null(std::int16_t attnum) const {
    return std::all_of(values_.begin(), values_.end(), [&](const Values& row) {
      const auto found = row.find(attnum);
      return found != row.end() && found->second;
    });
  }

  void key(const std::vector<std::int16_t>& attnums) {
    SourceIndex index;
    index.name = "pkey";
    index.method = "btree";
    index.primary = index.unique = true;
    for (const auto attnum : attnums) index.key.push_back({attnum, false, {}, {}});
    auto& indexes = table_.source.indexes;
    if (indexes.empty()) {
      indexes.push_back(std::move(index));
    } else {
      indexes.front() = std::move(index);
    }
  }

  std::mt19937 luck_;
  RecordedTable table_;
  std::vector<Values> values_;
  std::int16_t last_attnum_ = 0;
  mutable int changes_ = 0;
};

TEST(AlterationProperty, AnAlteredTableIsAFreshCopy) {
  std::size_t steps = 0;
  std::size_t copies = 0;
  for (unsigned seed = 1; seed <= 120; ++seed) {
    ChangingTable table(seed);
    config::Config config;
    config.tables.include = {"*.*"};
    FollowedCache followed(config, {});
    followed.reach({table.recorded()}, false);
    for (int round = 0; round < 4; ++round) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
      for (auto changes = 1 + table.below(4); changes > 0; --changes) table.change();
      const auto now = table.recorded();
      ASSERT_NO_THROW(followed.reach({now}, false));
      FollowedCache fresh(config, {});
      fresh.reach({now}, false);
      const auto plans = fresh.plan({now});
      ASSERT_EQ(plans.tables.size(), followed.refused().empty() ? 1U : 0U);
      if (plans.tables.empty()) continue;
      const auto& name = plans.tables.front()->cache().name;
      ASSERT_EQ(followed.cache.tables(), fresh.cache.tables());
      ASSERT_EQ(followed.cache.columns(name), fresh.cache.columns(name));
      ASSERT_EQ(followed.cache.indexes(name), fresh.cache.indexes(name));
      ASSERT_EQ(followed.cache.rows(name), fresh.cache.rows(name));
      ASSERT_EQ(followed.cache.integrity(), "'ok'");
      ASSERT_EQ(to_json(followed.shape(4711)), to_json(shape_of(*plans.tables.front())));
    }
    steps += followed.steps;
    copies += followed.copied.size();
  }
  EXPECT_GT(steps, 500U);
  EXPECT_LT(copies, 50U) << "what the steps can do is not copied";
}

}  // namespace
}  // namespace walbridge::mapping
