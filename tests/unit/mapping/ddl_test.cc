// A cache that follows a source's schema holds what a fresh copy would hold: on schemas, rows and statements recorded
// from Postgres (tests/corpus/ddl_described.jsonl), and as the statements of the corpus say.
#include <fstream>

#include <gmock/gmock.h>

#include "tests/unit/mapping/followed_cache.h"

namespace walbridge::mapping {
namespace {

using ::testing::Contains;
using testing::FollowedCache;
using ::testing::HasSubstr;
using testing::RecordedCase;
using testing::SqliteCache;
using Json = nlohmann::json;

std::vector<Json> lines_of(const std::string& file) {
  std::ifstream in(std::string(WALBRIDGE_TEST_DATA) + "/corpus/" + file);
  std::vector<Json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

bool moves_rows(const std::string& statement) {
  return statement.compare(0, 6, "insert") == 0 || statement.compare(0, 8, "truncate") == 0;
}

config::Config every_table() {
  config::Config config;
  config.tables.include = {"*.*"};
  return config;
}

config::Sink server() {
  config::Sink sink;
  sink.url = "libsql://cache.example";
  return sink;
}

std::map<std::string, RecordedCase> recorded_cases() {
  std::map<std::string, RecordedCase> cases;
  for (const auto& line : lines_of("ddl_described.jsonl")) {
    auto made = testing::recorded_case(line);
    cases.emplace(made.id, std::move(made));
  }
  return cases;
}

const RecordedCase& recorded(const std::string& id) {
  static const auto kCases = recorded_cases();
  return kCases.at(id);
}

std::vector<std::string> ids_of(const std::string& file) {
  std::vector<std::string> ids;
  for (const auto& line : lines_of(file)) ids.push_back(line.at("id"));
  return ids;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& each) {
  auto name = each.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

class Ddl : public ::testing::TestWithParam<std::string> {};

TEST_P(Ddl, AFollowingCacheIsAFreshCopy) {
  auto config = every_table();
  config.on_ddl.drop_table = config::KeepOrDrop::Drop;
  const auto& played = recorded(GetParam());
  FollowedCache followed(config, server());
  for (std::size_t i = 0; i < played.states.size(); ++i) {
    const auto& statement = i == 0 ? std::string("setup") : played.statements[i - 1];
    SCOPED_TRACE(statement);
    ASSERT_NO_THROW(followed.reach(played.states[i], moves_rows(statement)));
    EXPECT_EQ(followed.cache.integrity(), "'ok'");
    FollowedCache fresh(config, server());
    ASSERT_NO_THROW(fresh.reach(played.states[i], false));
    for (const auto& plan : fresh.plan(played.states[i]).tables) {
      const auto& name = plan->cache().name;
      SCOPED_TRACE(name);
      EXPECT_EQ(followed.cache.columns(name), fresh.cache.columns(name));
      EXPECT_EQ(followed.cache.indexes(name), fresh.cache.indexes(name));
      EXPECT_EQ(followed.cache.rows(name), fresh.cache.rows(name));
      EXPECT_EQ(to_json(followed.shape(plan->cache().source_oid)), to_json(shape_of(*plan)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, Ddl, ::testing::ValuesIn(ids_of("ddl_described.jsonl")), test_name);

bool speaks_of_views(const std::string& sql) { return sql.find("VIEW") != std::string::npos; }

void execute_all(SqliteCache& cache, const Json& statements) {
  for (const std::string sql : statements) {
    if (!speaks_of_views(sql)) cache.execute(sql);
  }
}

std::vector<SqliteCache::Row> without_leaf(std::vector<SqliteCache::Row> columns) {
  std::erase_if(columns, [](const auto& row) { return row[0] == "'_walbridge_leaf'"; });
  return columns;
}

std::string shown(const Json& value) {
  if (value.is_null()) return "NULL";
  return value.is_string() ? literal_sql(SqlValue::text(value.get<std::string>())) : value.dump();
}

class DdlCorpus : public ::testing::TestWithParam<std::string> {};

// The statements of the corpus and ours leave the same tables, columns, indexes and rows.
TEST_P(DdlCorpus, SaysTheSame) {
  const auto lines = lines_of("ddl_cases.jsonl");
  const auto line = std::find_if(lines.begin(), lines.end(), [](const Json& each) { return each["id"] == GetParam(); });
  auto config = every_table();
  if (GetParam() == "drop.table") config.on_ddl.drop_table = config::KeepOrDrop::Drop;
  if (GetParam() == "alter.drop_col_keep") config.on_ddl.drop_column = config::KeepOrDrop::Keep;
  const auto setup = line->value("sqlite_setup", Json::array());
  SqliteCache expected;
  execute_all(expected, setup);
  execute_all(expected, line->at("sqlite"));

  FollowedCache followed(config, server());
  auto states = recorded(GetParam()).states;
  if (GetParam().compare(0, 7, "create.") == 0) states.erase(states.begin(), states.end() - 1);
  for (std::size_t i = 0; i < states.size(); ++i) {
    for (auto& table : states[i]) table.rows.clear();  // the corpus has rows of its own
    followed.reach(states[i], false);
    for (const std::string sql : i == 0 ? setup : Json::array()) {
      if (sql.compare(0, 6, "INSERT") == 0) followed.cache.execute(sql);
    }
  }
  EXPECT_EQ(followed.cache.tables(), expected.tables());
  for (const auto& table : expected.tables()) {
    SCOPED_TRACE(table);
    EXPECT_EQ(without_leaf(followed.cache.columns(table)), expected.columns(table));
    EXPECT_EQ(followed.cache.indexes(table), expected.indexes(table));
    EXPECT_EQ(followed.cache.rows(table).size(), expected.rows(table).size());
  }
  for (const auto& check : line->value("sqlite_check", Json::array())) {
    if (check[0] == "SELECT * FROM v") continue;  // views are the sink's
    const auto rows = followed.cache.query(check[0]);
    if (check.size() < 2) continue;
    std::vector<SqliteCache::Row> wanted;
    for (const auto& row : check[1]) {
      wanted.emplace_back();
      for (const auto& value : row) wanted.back().push_back(shown(value));
    }
    EXPECT_EQ(rows, wanted) << check[0];
  }
}

std::vector<std::string> corpus_ids() {
  auto ids = ids_of("ddl_cases.jsonl");
  // TRUNCATE is a row event; of vector(3), a type of an extension, nothing is recorded.
  std::erase_if(ids, [](const auto& id) { return id == "truncate" || id == "create.vector"; });
  return ids;
}

INSTANTIATE_TEST_SUITE_P(Statements, DdlCorpus, ::testing::ValuesIn(corpus_ids()), test_name);

}  // namespace
}  // namespace walbridge::mapping
