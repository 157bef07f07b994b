// Every value arrives as it was given, both through a load and through the stream; so does every name.
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "tests/contract/contract_suite.h"

namespace walbridge::testing {
namespace {

std::string all_bytes() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  return bytes;
}

CacheTable values_table(std::uint32_t oid, const std::string& name) {
  return make_table(oid, name, {"id INTEGER", "i BIGINT", "t TEXT", "d DOUBLE", "b BLOB", "n DECIMAL(10,2)"}, {0},
                    true);
}

class ValueRows {
 public:
  ValueRows() {
    add({integer(0), null(), null(), null(), null()});
    for (const std::int64_t edge :
         {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), std::int64_t{0},
          std::int64_t{-1}, std::int64_t{9007199254740993}, std::int64_t{-9007199254740993}}) {
      add({integer(edge), null(), null(), null(), null()});
    }
    for (const double edge : {0.1, -0.1, 1.0, 1e15, 1e16, 1e300, std::numeric_limits<double>::max(),
                              std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::min(),
                              80959084.862524793, 123456789012345680.0}) {
      add({null(), null(), real(edge), null(), real(0.5)});
    }
    for (const char* special : {"NaN", "Infinity", "-Infinity"}) add({null(), null(), text(special), null(), null()});
    for (const std::string& edge :
         {std::string(), std::string("NULL"), std::string("a\0b\0", 4), std::string("\0", 1), std::string("'\"\\`"),
          std::string("\n\r\t\b\f\x01\x1f\x7f"), std::string("é ß 漢字 🐘 \u200b \uffff"), std::string("007"),
          std::string("1e5"), std::string("{\"a\": [1, null]}"), std::string("?1 :name @x $y"),
          std::string("</script>"), std::string(" padded "), std::string(100'000, 'x')}) {
      add({null(), keep(edge), null(), null(), null()});
    }
    for (const std::string& edge : {std::string(), std::string("\0", 1), all_bytes(), std::string(70'000, '\xfe')}) {
      add({null(), null(), null(), blob(keep(edge).bytes), null()});
    }
  }

  const std::vector<Values>& rows() const { return rows_; }
  Rows cells() const {
    Rows cells;
    for (const auto& values : rows_) cells.push_back(row(values));
    return sorted(std::move(cells));
  }

 private:
  SqlValue keep(const std::string& bytes) { return text(arena_.copy(bytes)); }
  void add(Values values) {
    values.insert(values.begin(), integer(static_cast<std::int64_t>(rows_.size()) + 1));
    rows_.push_back(std::move(values));
  }
  Arena arena_;
  std::vector<Values> rows_;
};

TEST_P(Contract, ValuesArriveThroughALoad) {
  const auto table = values_table(110, "loaded");
  const ValueRows values;
  const auto sink = open();
  load(*sink, table, values.rows(), at(1000));
  EXPECT_EQ(values.cells(), rows(table));
}

TEST_P(Contract, ValuesArriveThroughTheStream) {
  const auto table = values_table(111, "streamed");
  const ValueRows values;
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  for (const auto& row : values.rows()) ASSERT_OK(upsert(*sink, table, row));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(values.cells(), rows(table));
}

TEST_P(Contract, ValuesArriveThroughUpdates) {
  const auto table = values_table(112, "updated");
  const ValueRows values;
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  for (const auto& row : values.rows()) {
    ASSERT_OK(upsert(*sink, table, {row[0], integer(5), text("x"), real(5.5), blob("x"), null()}));
  }
  ASSERT_OK(sink->commit(at(2000)));
  ASSERT_OK(sink->begin());
  for (auto row : values.rows()) {
    const auto key = std::exchange(row[0], absent());
    ASSERT_OK(update(*sink, table, {key}, row));
  }
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(values.cells(), rows(table));
}

// Rows without a key are found by their values, so each must compare equal to itself.
TEST_P(Contract, ValuesFindTheirRow) {
  auto table = values_table(113, "found");
  table.key.clear();
  table.rowid_key = false;
  const ValueRows values;
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  for (const auto& row : values.rows()) ASSERT_OK(insert(*sink, table, row));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(values.cells(), rows(table));
  ASSERT_OK(sink->begin());
  for (const auto& row : values.rows()) ASSERT_OK(erase(*sink, table, row));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_TRUE(rows(table).empty());
}

TEST_P(Contract, ValuesAreKeys) {
  const auto table = make_table(114, "keys", {"k TEXT", "b BLOB", "v BIGINT"}, {0, 1});
  const auto sink = filled({&table});
  const std::string bytes = all_bytes();
  const std::vector<Values> keys = {{text(""), blob("")},
                                    {text(std::string_view("\0", 1)), blob(bytes)},
                                    {text("é\"'"), blob(std::string_view("\0", 1))},
                                    {text("42"), blob("42")}};
  ASSERT_OK(sink->begin());
  for (std::int64_t version = 1; version <= 2; ++version) {
    for (const auto& key : keys) ASSERT_OK(upsert(*sink, table, {key[0], key[1], integer(version)}));
  }
  for (const auto& key : keys) ASSERT_OK(update(*sink, table, key, {absent(), absent(), integer(3)}));
  ASSERT_OK(sink->commit(at(2000)));
  ASSERT_EQ(keys.size(), rows(table).size());
  for (const auto& stored : rows(table)) EXPECT_EQ(integer_cell(3), stored[2]);
  ASSERT_OK(sink->begin());
  for (const auto& key : keys) ASSERT_OK(erase(*sink, table, key));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_TRUE(rows(table).empty());
}

TEST_P(Contract, DoublesAreExact) {
  const auto table = make_table(115, "doubles", {"id INTEGER", "d DOUBLE"}, {0}, true);
  std::mt19937_64 random(20261121);
  std::vector<Values> values;
  Rows expected;
  while (values.size() < 10'000) {
    const auto candidate = values.size() % 2 == 0 ? std::bit_cast<double>(random())
                                                  : static_cast<double>(random() % 100'000'000'000) / 10'000.0;
    if (!std::isfinite(candidate) || candidate == 0.0) continue;
    values.push_back({integer(static_cast<std::int64_t>(values.size())), real(candidate)});
    expected.push_back(row(values.back()));
  }
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  for (std::size_t i = 0; i < values.size() / 2; ++i) ASSERT_OK(upsert(*sink, table, values[i]));
  ASSERT_OK(sink->commit(at(2000)));
  ASSERT_OK(sink->begin());
  for (std::size_t i = values.size() / 2; i < values.size(); ++i) ASSERT_OK(upsert(*sink, table, values[i]));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(sorted(std::move(expected)), rows(table));
}

TEST_P(Contract, NamesMayBeAnything) {
  auto table = make_table(116, "sel\"ect '%s' ünï; DROP", {}, {1});
  for (const char* name : {"from", "a\"b", "rowid", "ключ", "a b", "x'y", "?1", "[z]", "`w`"}) {
    table.columns.push_back({name, "TEXT", CacheColumn::Form::Plain});
  }
  Values first, second;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    first.push_back(text("one"));
    second.push_back(text(i == 1 ? "key" : "two"));
  }
  const auto sink = open();
  load(*sink, table, {first}, at(1000));
  ASSERT_OK(sink->begin());
  ASSERT_OK(upsert(*sink, table, second));
  ASSERT_OK(update(*sink, table, {text("one")}, Values(9, absent())));
  ASSERT_OK(
      update(*sink, table, {text("key")},
             {text("three"), absent(), absent(), absent(), absent(), absent(), absent(), absent(), text("four")}));
  ASSERT_OK(sink->commit(at(2000)));
  second.front() = text("three");
  second.back() = text("four");
  EXPECT_EQ(sorted({row(first), row(second)}), rows(table));
  ASSERT_OK(sink->begin());
  ASSERT_OK(erase(*sink, table, {text("one")}));
  ASSERT_OK(sink->commit(at(3000)));
  EXPECT_EQ(Rows({row(second)}), rows(table));
}

TEST_P(Contract, NamesOfRowsWithoutAKeyMayHideTheRowid) {
  const auto table = make_table(117, "hidden", {"rowid TEXT", "OID TEXT"}, {});
  const auto sink = filled({&table});
  ASSERT_OK(sink->begin());
  for (int i = 0; i < 3; ++i) ASSERT_OK(insert(*sink, table, {text("a"), text("b")}));
  ASSERT_OK(erase(*sink, table, {text("a"), text("b")}));
  ASSERT_OK(update(*sink, table, {text("a"), text("b")}, {text("c"), null()}));
  ASSERT_OK(sink->commit(at(2000)));
  EXPECT_EQ(sorted({row({text("a"), text("b")}), row({text("c"), null()})}), rows(table));
}

TEST_P(Contract, WideTablesAreServed) {
  for (const bool keyed : {true, false}) {
    auto table = make_table(keyed ? 118 : 119, keyed ? "wide" : "wide_keyless", {}, {});
    constexpr std::size_t kColumns = 1600;  // as many as Postgres has
    Values values;
    for (std::size_t i = 0; i < kColumns; ++i) {
      table.columns.push_back({"c" + std::to_string(i), i == 0 ? "BIGINT" : "TEXT", CacheColumn::Form::Plain});
      values.push_back(i == 0 ? integer(1) : text("value"));
    }
    if (keyed) table.key = {0};
    const auto sink = open(keyed ? "keyed" : "keyless");
    load(*sink, table, {values}, at(1000));
    auto changed = values;
    changed.back() = text("changed");
    ASSERT_OK(sink->begin());
    ASSERT_OK(update(*sink, table, keyed ? Values{integer(1)} : values, changed));
    if (keyed) {
      ASSERT_OK(upsert(*sink, table, changed));
    }
    ASSERT_OK(sink->commit(at(2000)));
    EXPECT_EQ(Rows({row(changed)}), rows(table));
  }
}

}  // namespace
}  // namespace walbridge::testing
