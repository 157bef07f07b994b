// Grouping against what it stands for: the changes one by one. The grouped statements run on a real SQLite.
#include <map>
#include <random>

#include <gmock/gmock.h>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/hrana_batch.h"
#include "tests/unit/sink-libsql/hrana_on_sqlite.h"

namespace walbridge::sink_libsql {
namespace {

using testing::HranaOnSqlite;
using Op = CacheChange::Op;
using Form = CacheColumn::Form;

CacheTable make_table(std::vector<CacheColumn> columns, std::vector<std::uint16_t> key, bool rowid_key = false) {
  CacheTable table;
  table.source_oid = 1;
  table.source_name = "public.t";
  table.name = "t \"x\"";
  table.columns = std::move(columns);
  table.key = std::move(key);
  table.rowid_key = rowid_key;
  return table;
}

CacheChange change(Op op, const CacheTable& table, std::span<const SqlValue> values, std::span<const SqlValue> match) {
  CacheChange made;
  made.op = op;
  made.table = &table;
  made.values = values;
  made.match = match;
  return made;
}

// BEGIN, the groups, COMMIT, ROLLBACK; true when it committed.
bool run(HranaOnSqlite& database, const ChangeGroups& groups, std::size_t* steps = nullptr) {
  HranaBatch batch;
  StepPurposes purposes;
  batch.step("BEGIN IMMEDIATE");
  purposes.push_back({});
  groups.write(batch, purposes);
  EXPECT_EQ(purposes.size(), batch.steps());
  if (steps != nullptr) *steps = batch.steps() - 1;
  const auto commit = batch.step("COMMIT");
  batch.step("ROLLBACK", HranaBatch::When::StepNotOk, commit);
  const auto reply = parse_batch_reply(database.answer(batch.request("", false)), batch.steps());
  EXPECT_TRUE(reply);
  for (const auto& step : reply->steps) {
    if (step.state == HranaStep::State::Failed && step.error.message.find("malformed JSON") == std::string::npos &&
        step.error.message.find("UNIQUE") == std::string::npos) {
      ADD_FAILURE() << step.error.message;
    }
  }
  return reply->steps[commit].state == HranaStep::State::Ok;
}

std::string sql_literal(const SqlValue& value) {
  switch (value.kind) {
    case SqlValue::Kind::Integer:
      return std::to_string(value.integer);
    case SqlValue::Kind::Real:
      return std::to_string(value.real);
    case SqlValue::Kind::Text: {
      std::string text = "'";
      for (const char c : value.bytes) text += c == '\'' ? std::string("''") : std::string(1, c);
      return text + "'";
    }
    case SqlValue::Kind::Blob: {
      std::string hex = "x'";
      for (const char c : value.bytes) {
        constexpr const char* kDigits = "0123456789abcdef";
        hex += kDigits[static_cast<unsigned char>(c) >> 4];
        hex += kDigits[static_cast<unsigned char>(c) & 15];
      }
      return hex + "'";
    }
    default:
      return "NULL";
  }
}

// The meaning of a change, in plain SQL of its own.
std::string sequential_sql(const CacheChange& change) {
  const auto& table = *change.table;
  const auto name = quote_identifier(table.name);
  const auto equals = [&](std::span<const SqlValue> match) {
    std::string where;
    for (std::size_t i = 0; i < match.size(); ++i) {
      const auto& column = table.columns[table.key.empty() ? i : table.key[i]];
      where += (i > 0 ? " AND " : "") + quote_identifier(column.name) +
               (table.key.empty() ? " COLLATE BINARY IS " : " = ") + sql_literal(match[i]);
    }
    return where;
  };
  const auto where = table.key.empty()
                         ? "_rowid_ = (SELECT _rowid_ FROM " + name + " WHERE " + equals(change.match) + " LIMIT 1)"
                         : equals(change.match);
  std::string list;
  switch (change.op) {
    case Op::Insert:
    case Op::Upsert:
      for (const auto& value : change.values) list += (list.empty() ? "" : ",") + sql_literal(value);
      return (table.key.empty() ? "INSERT INTO " : "INSERT OR REPLACE INTO ") + name + " VALUES (" + list + ")";
    case Op::Update:
      for (std::size_t i = 0; i < change.values.size(); ++i) {
        if (change.values[i].kind == SqlValue::Kind::Absent) continue;
        list +=
            (list.empty() ? "" : ",") + quote_identifier(table.columns[i].name) + "=" + sql_literal(change.values[i]);
      }
      return "UPDATE " + name + " SET " + list + " WHERE " + where;
    case Op::Delete:
      return "DELETE FROM " + name + " WHERE " + where;
    case Op::Truncate:
      return "DELETE FROM " + name +
             (change.leaf_column < 0
                  ? ""
                  : " WHERE " + quote_identifier(table.columns[static_cast<std::size_t>(change.leaf_column)].name) +
                        " = " + std::to_string(change.leaf));
    case Op::SoftTruncate:
      break;  // no part of a history
  }
  return "";
}

// Random valid histories: an Update or a keyless Delete only of a row that is there.
class Histories {
 public:
  Histories(const CacheTable& table, unsigned seed) : table_(table), random_(seed) {
    for (auto* database : {&grouped_, &sequential_}) database->run_sql(create_table_sql(table, table.name));
  }

  void transaction(int changes) {
    ChangeGroups groups;
    for (int i = 0; i < changes; ++i) {
      std::vector<SqlValue> values(table_.columns.size()), match;
      CacheChange made = pick(values, match);
      const auto sql = sequential_sql(made);
      sequential_.run_sql(sql);
      const auto added = groups.add(made);
      ASSERT_TRUE(added) << describe(added.error()) << sql;
      texts_.clear();  // the values lived during the call only
    }
    ASSERT_TRUE(run(grouped_, groups));
    std::string order;
    for (std::size_t i = 1; i <= table_.columns.size(); ++i)
      order += (i > 1 ? "," : "") + std::to_string(i) + " COLLATE BINARY";
    const auto all = "SELECT * FROM " + quote_identifier(table_.name) + " ORDER BY " + order;
    ASSERT_EQ(grouped_.rows(all), sequential_.rows(all));
  }

 private:
  SqlValue random_value(const CacheColumn& column, bool key) {
    const auto roll = random_() % 10;
    if (!key && roll == 0) return SqlValue::null();
    if (column.form == Form::Blob)
      return keep(SqlValue::Kind::Blob, std::string(random_() % 4, static_cast<char>(random_() % 256)));
    if (column.decl.find("INT") != std::string::npos) return SqlValue::of(static_cast<std::int64_t>(random_() % 12));
    if (column.decl.find("REAL") != std::string::npos) return SqlValue::of(static_cast<double>(random_() % 8) * 0.25);
    constexpr const char* kTexts[] = {"a", "A", "b", "B", "a ", "a\"b", "x\\y", "'q'", "\n", "é", "B "};
    return keep(SqlValue::Kind::Text, kTexts[random_() % std::size(kTexts)]);
  }
  SqlValue keep(SqlValue::Kind kind, std::string bytes) {
    texts_.push_back(std::make_unique<std::string>(std::move(bytes)));
    return kind == SqlValue::Kind::Blob ? SqlValue::blob(*texts_.back()) : SqlValue::text(*texts_.back());
  }

  // A row that is there, as SQL literals turned back into values.
  bool existing(std::vector<SqlValue>& match) {
    std::string columns;
    for (std::size_t i = 0; i < table_.columns.size(); ++i) {
      const auto name = quote_identifier(table_.columns[i].name);
      columns += (i > 0 ? "||'|'||" : "") + ("quote(" + name + ")");
    }
    const auto rows =
        sequential_.rows("SELECT " + columns + " FROM " + quote_identifier(table_.name) + " ORDER BY random() LIMIT 1");
    if (rows.empty()) return false;
    std::vector<std::string> parts;
    std::size_t from = 0;
    for (std::size_t at = 0; at <= rows.size(); ++at) {
      if (at == rows.size() || rows[at] == '|') {
        parts.push_back(rows.substr(from, at - from));
        from = at + 1;
      }
    }
    for (std::size_t i = 0; i < (table_.key.empty() ? parts.size() : table_.key.size()); ++i) {
      match.push_back(from_literal(parts[table_.key.empty() ? i : table_.key[i]]));
    }
    return true;
  }
  SqlValue from_literal(const std::string& literal) {
    if (literal == "NULL") return SqlValue::null();
    if (literal.front() == '\'') {
      std::string text;
      for (std::size_t i = 1; i + 1 < literal.size(); ++i) {
        text += literal[i];
        if (literal[i] == '\'') ++i;
      }
      return keep(SqlValue::Kind::Text, text);
    }
    if (literal.front() == 'X') {
      std::string bytes;
      for (std::size_t i = 2; i + 2 < literal.size(); i += 2)
        bytes += static_cast<char>(std::stoi(literal.substr(i, 2), nullptr, 16));
      return keep(SqlValue::Kind::Blob, bytes);
    }
    if (literal.find('.') != std::string::npos) return SqlValue::of(std::stod(literal));
    return SqlValue::of(static_cast<std::int64_t>(std::stoll(literal)));
  }

  CacheChange pick(std::vector<SqlValue>& values, std::vector<SqlValue>& match) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const bool key = std::find(table_.key.begin(), table_.key.end(), i) != table_.key.end();
      values[i] = random_value(table_.columns[i], key);
    }
    const auto roll = random_() % 100;
    const bool there = roll >= 40 && existing(match);
    if (roll >= 98) {
      auto made = change(Op::Truncate, table_, {}, {});
      if (roll == 99) {
        made.leaf_column = static_cast<std::int32_t>(leaf_);
        made.leaf = static_cast<std::int64_t>(random_() % 12);
      }
      return made;
    }
    if (there && roll < 65) return update(values, match);
    if (there && roll < 85) return change(Op::Delete, table_, {}, match);
    if (roll >= 85 && !table_.key.empty()) {  // a delete that finds nothing is fine
      match.clear();
      for (const auto column : table_.key) match.push_back(values[column]);
      return change(Op::Delete, table_, {}, match);
    }
    match.clear();
    return change(table_.key.empty() ? Op::Insert : Op::Upsert, table_, values, {});
  }

  CacheChange update(std::vector<SqlValue>& values, std::vector<SqlValue>& match) {
    for (auto& value : values) {
      if (random_() % 2 == 0) value = SqlValue{};
    }
    bool moves = random_() % 4 == 0;
    for (std::size_t i = 0; i < table_.key.size(); ++i) {
      if (!moves) values[table_.key[i]] = random_() % 2 == 0 ? SqlValue{} : match[i];
    }
    if (moves && !table_.key.empty() && occupied(values, match)) {
      for (const auto column : table_.key) values[column] = SqlValue{};
    }
    const bool nothing =
        std::all_of(values.begin(), values.end(), [](const auto& v) { return v.kind == SqlValue::Kind::Absent; });
    if (nothing) values[table_.key.empty() ? 0 : table_.key[0]] = match[0];
    return change(Op::Update, table_, values, match);
  }
  bool occupied(const std::vector<SqlValue>& values, const std::vector<SqlValue>& match) {
    std::string where;
    for (std::size_t i = 0; i < table_.key.size(); ++i) {
      const auto& moved = values[table_.key[i]];
      where += (i > 0 ? " AND " : "") + quote_identifier(table_.columns[table_.key[i]].name) + " = " +
               sql_literal(moved.kind == SqlValue::Kind::Absent ? match[i] : moved);
    }
    return sequential_.rows("SELECT count(*) FROM " + quote_identifier(table_.name) + " WHERE " + where) != "0";
  }

 public:
  std::size_t leaf_ = 0;  // an integer column

 private:
  const CacheTable& table_;
  std::mt19937 random_;
  HranaOnSqlite grouped_, sequential_;
  std::vector<std::unique_ptr<std::string>> texts_;
};

struct Shape {
  const char* name;
  CacheTable table;
  std::size_t leaf;
};

std::vector<Shape> shapes() {
  const CacheColumn leaf{"leaf", "INTEGER", Form::Plain}, text{"v", "TEXT", Form::Plain}, blob{"b", "BLOB", Form::Blob},
      real{"r", "REAL", Form::Plain}, nocase{"n", "TEXT COLLATE NOCASE", Form::Plain};
  return {
      {"RowidKey", make_table({{"id", "INTEGER", Form::Plain}, text, blob, real, nocase}, {0}, true), 0},
      {"TextKey", make_table({{"id", "TEXT", Form::Plain}, leaf, text, real}, {0}), 1},
      {"NocaseKey", make_table({{"id", "TEXT COLLATE NOCASE", Form::Plain}, leaf, text}, {0}), 1},
      {"RtrimKey", make_table({{"id", "CHAR(4) COLLATE RTRIM", Form::Plain}, leaf, text}, {0}), 1},
      {"BlobKey", make_table({{"id", "BLOB", Form::Blob}, leaf, text}, {0}), 1},
      {"TwoKeys", make_table({text, {"k1", "INTEGER", Form::Plain}, {"value", "TEXT", Form::Plain}, real}, {2, 1}), 1},
      {"NoKey", make_table({{"rowid", "INTEGER", Form::Plain}, text, blob, nocase}, {}), 0},
      {"OnlyKey", make_table({{"id", "INTEGER", Form::Plain}}, {0}, true), 0},
  };
}

class Grouping : public ::testing::TestWithParam<Shape> {};

TEST_P(Grouping, EqualsTheChangesOneByOne) {
  for (unsigned seed = 1; seed <= 15; ++seed) {
    Histories histories(GetParam().table, seed);
    histories.leaf_ = GetParam().leaf;
    for (int transaction = 0; transaction < 12; ++transaction) {
      histories.transaction(1 + transaction * 4);
      if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << ", transaction " << transaction;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Grouping, ::testing::ValuesIn(shapes()),
                         [](const auto& test) { return std::string(test.param.name); });

class Groups : public ::testing::Test {
 protected:
  Groups() { database_.run_sql(create_table_sql(table_, table_.name)); }
  CacheTable table_ =
      make_table({{"id", "INTEGER", Form::Plain}, {"v", "TEXT", Form::Plain}, {"b", "BLOB", Form::Blob}}, {0}, true);
  HranaOnSqlite database_;
  ChangeGroups groups_;

  Status upsert(std::int64_t id, const SqlValue& text, const SqlValue& blob = SqlValue::null()) {
    const SqlValue values[] = {SqlValue::of(id), text, blob};
    return groups_.add(change(Op::Upsert, table_, values, {}));
  }
};

TEST_F(Groups, HotRowBecomesOneStatement) {
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(upsert(i % 3, SqlValue::text(std::to_string(i))));
  std::size_t steps = 0;
  ASSERT_TRUE(run(database_, groups_, &steps));
  EXPECT_EQ(steps, 1U);
  EXPECT_EQ(database_.rows("SELECT v FROM \"t \"\"x\"\"\" ORDER BY id"), "999\n997\n998");
}

TEST_F(Groups, ArgumentsStayBelowOneMegabyte) {
  const std::string text(300'000, 'x');
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(upsert(i, SqlValue::text(text)));
  HranaBatch batch;
  StepPurposes purposes;
  groups_.write(batch, purposes);
  const auto request = nlohmann::json::parse(batch.request("", false));
  std::size_t largest = 0;
  for (const auto& step : request.at("requests")[0].at("batch").at("steps")) {
    largest = std::max(largest, step.at("stmt").at("args")[0].at("value").get<std::string>().size());
  }
  EXPECT_LE(largest, 1'000'000U);
  EXPECT_EQ(batch.steps(), 4U);
  ASSERT_TRUE(run(database_, groups_));
  EXPECT_EQ(database_.rows("SELECT count(*), sum(length(v)) FROM \"t \"\"x\"\"\""), "10|3000000");
}

TEST_F(Groups, OneLargeValueTravelsAlone) {
  const std::string large(4'900'000, 'y');
  ASSERT_TRUE(upsert(1, SqlValue::text(large)));
  ASSERT_TRUE(upsert(2, SqlValue::null(), SqlValue::blob(large)));
  ASSERT_TRUE(upsert(3, SqlValue::text("small")));
  ASSERT_TRUE(run(database_, groups_));
  EXPECT_EQ(database_.rows("SELECT id, length(v), length(b), typeof(b) FROM \"t \"\"x\"\"\" ORDER BY id"),
            "1|4900000|NULL|null\n2|NULL|4900000|blob\n3|5|NULL|null");
}

TEST_F(Groups, TooLargeAndBrokenTextAreRefusedWithoutEffect) {
  const std::string large(5'000'001, 'z');
  const auto refused = upsert(1, SqlValue::text(large));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "value-too-large");
  EXPECT_EQ(refused.error().verdict, Verdict::PoisonRow);
  EXPECT_THAT(refused.error().message,
              ::testing::AllOf(::testing::HasSubstr("\"v\""), ::testing::HasSubstr("max_row_size")));
  for (const auto* text : {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf5\x80\x80\x80", "12345678\xe2\x82"}) {
    const auto broken = upsert(1, SqlValue::text(text));
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, "invalid-utf8");
  }
  ASSERT_TRUE(upsert(1, SqlValue::text("12345678é€😀")));
  EXPECT_TRUE(run(database_, groups_));
  EXPECT_EQ(database_.rows("SELECT count(*) FROM \"t \"\"x\"\"\""), "1");
}

TEST_F(Groups, MissingRowsFailTheTransaction) {
  const SqlValue values[] = {SqlValue{}, SqlValue::text("x"), SqlValue{}};
  const SqlValue match[] = {SqlValue::of(std::int64_t{5})};
  ASSERT_TRUE(upsert(1, SqlValue::text("kept?")));
  ASSERT_TRUE(groups_.add(change(Op::Update, table_, values, match)));
  EXPECT_FALSE(run(database_, groups_));
  EXPECT_EQ(database_.rows("SELECT count(*) FROM \"t \"\"x\"\"\""), "0");
  groups_.clear();
  ASSERT_TRUE(groups_.add(change(Op::Delete, table_, {}, match)));
  const auto after_delete = groups_.add(change(Op::Update, table_, values, match));
  ASSERT_FALSE(after_delete);
  EXPECT_EQ(after_delete.error().code, "row-missing");
  EXPECT_TRUE(run(database_, groups_));
}

TEST_F(Groups, UnchangedRowIsNotWritten) {
  ASSERT_TRUE(upsert(1, SqlValue::text("a"), SqlValue::blob("b")));
  ASSERT_TRUE(run(database_, groups_));
  database_.run_sql(
      "CREATE TRIGGER no AFTER UPDATE ON \"t \"\"x\"\"\" BEGIN SELECT raise(ABORT, 'UNIQUE written'); END");
  EXPECT_TRUE(run(database_, groups_));
  groups_.clear();
  ASSERT_TRUE(upsert(1, SqlValue::text("A"), SqlValue::blob("b")));
  EXPECT_FALSE(run(database_, groups_));
}

TEST(WideTables, TwoThousandColumns) {
  std::vector<CacheColumn> columns{{"id", "INTEGER", Form::Plain}};
  for (int i = 1; i < 2000; ++i) columns.push_back({"c" + std::to_string(i), "TEXT", Form::Plain});
  for (const bool keyed : {true, false}) {
    const auto table = make_table(columns, keyed ? std::vector<std::uint16_t>{0} : std::vector<std::uint16_t>{}, keyed);
    HranaOnSqlite database;
    database.run_sql(create_table_sql(table, table.name));
    std::vector<SqlValue> values(2000, SqlValue::text("v"));
    values[0] = SqlValue::of(std::int64_t{1});
    ChangeGroups groups;
    ASSERT_TRUE(groups.add(change(keyed ? Op::Upsert : Op::Insert, table, values, {})));
    ASSERT_TRUE(run(database, groups));
    EXPECT_EQ(database.rows("SELECT count(c1999) FROM \"t \"\"x\"\"\""), "1");
    // (Matching a keyless row by 2,000 columns is beyond SQLite 3.40's limits only if the expression were a chain.)
    groups.clear();
    ASSERT_TRUE(groups.add(change(Op::Delete, table, {}, keyed ? std::span(values).first(1) : std::span(values))));
    ASSERT_TRUE(run(database, groups));
    EXPECT_EQ(database.rows("SELECT count(*) FROM \"t \"\"x\"\"\""), "0");
  }
}

}  // namespace
}  // namespace walbridge::sink_libsql
