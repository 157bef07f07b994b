#include "pipeline/api/source_json.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace walbridge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kDescription = R"json({
 "v": 1, "oid": 4000000000, "schema": "s", "name": "we ird", "kind": "p", "persistence": "u", "identity": "f",
 "children": true, "comment": "hé",
 "columns": [
  {"attnum": 1, "name": "id", "type": 20, "sql": "bigint", "not_null": true, "identity": true},
  {"attnum": 3, "name": "n", "type": 16, "typmod": 786439, "sql": "numeric(12,3)[]", "expression": "1.5", "missing": "",
   "nondeterministic": true, "comment": "c"},
  {"attnum": 4, "name": "d", "type": 17, "sql": "dear", "generated": "v", "expression": "(id * 2)"},
  {"attnum": 5, "name": "p", "type": 18, "sql": "trip"}],
 "indexes": [
  {"name": "k", "method": "btree", "primary": true, "unique": true, "key": [{"attnum": 1}], "included": [3]},
  {"name": "x", "method": "hnsw", "deferrable": true, "replica_identity": true, "predicate": "(id > 1)",
   "key": [{"expression": "lower(x)", "desc": true}, {"attnum": 3, "operator_class": "vector_cosine_ops"}]}],
 "constraints": [{"kind": "c", "name": "chk"}, {"kind": "x", "name": "ex"}],
 "leaves": [{"oid": 7, "schema": "s", "name": "l1"}, {"oid": 8, "schema": "t", "name": "l2"}],
 "types": {
  "20": {"name": "int8", "kind": "b", "category": "N"},
  "16": {"name": "_numeric", "kind": "b", "category": "A", "element": 15, "delimiter": ";"},
  "15": {"name": "numeric", "kind": "b", "category": "N"},
  "17": {"name": "dear", "kind": "d", "category": "N", "base": 15, "base_typmod": 655366, "base_sql": "numeric(10,2)"},
  "18": {"name": "trip", "kind": "c", "category": "C",
         "fields": [{"name": "m", "type": 19, "sql": "mood"}, {"name": "r", "type": 21, "sql": "int4range"}]},
  "19": {"name": "mood", "kind": "e", "category": "E", "labels": [[100, "sad"], [102, "ok"]]},
  "21": {"name": "int4range", "kind": "r", "category": "R"}}})json";

SourceTable read(const std::string& json) {
  auto table = source_table_from_json(json);
  EXPECT_TRUE(table) << (table ? "" : describe(table.error()));
  return table ? *std::move(table) : SourceTable{};
}

TEST(SourceJson, ReadsWhatThereIs) {
  const auto table = read(kDescription);
  EXPECT_EQ(table.oid, 4000000000U);
  EXPECT_EQ(table.qualified_name(), "s.we ird");
  EXPECT_EQ(table.kind, 'p');
  EXPECT_EQ(table.persistence, 'u');
  EXPECT_EQ(table.replica_identity, ReplicaIdentity::Full);
  EXPECT_TRUE(table.has_children);
  EXPECT_EQ(table.comment, "hé");
  ASSERT_EQ(table.columns.size(), 4U);
  EXPECT_TRUE(table.columns[0].not_null && table.columns[0].identity && table.columns[0].deterministic_collation);
  EXPECT_FALSE(table.columns[0].missing);
  EXPECT_EQ(table.columns[0].type->typmod, -1);
  EXPECT_EQ(table.columns[1].attnum, 3);
  EXPECT_EQ(table.columns[1].missing, "") << "an empty text is a value";
  EXPECT_FALSE(table.columns[1].deterministic_collation);
  EXPECT_EQ(table.columns[1].expression, "1.5");
  EXPECT_FALSE(table.columns[1].generated);
  EXPECT_EQ(table.columns[1].comment, "c");
  EXPECT_TRUE(table.columns[2].generated);
  ASSERT_EQ(table.indexes.size(), 2U);
  const auto& key = table.indexes[0];
  EXPECT_TRUE(key.primary && key.unique && key.immediate && !key.partial && !key.replica_identity);
  EXPECT_THAT(key.included, ElementsAre(3));
  const auto& index = table.indexes[1];
  EXPECT_TRUE(!index.immediate && index.partial && index.replica_identity && !index.unique);
  EXPECT_EQ(index.predicate, "(id > 1)");
  EXPECT_EQ(index.key[0].attnum, 0);
  EXPECT_TRUE(index.key[0].descending);
  EXPECT_EQ(index.key[0].expression, "lower(x)");
  EXPECT_EQ(index.key[1].operator_class, "vector_cosine_ops");
  ASSERT_EQ(table.constraints.size(), 2U);
  EXPECT_EQ(table.constraints[1].kind, 'x');
  EXPECT_EQ(table.constraints[1].name, "ex");
  ASSERT_EQ(table.leaves.size(), 2U);
  EXPECT_EQ(table.leaves[1].schema, "t");
}

TEST(SourceJson, BuildsTypeTrees) {
  const auto table = read(kDescription);
  const auto& array = *table.columns[1].type;
  EXPECT_EQ(array.kind, "array");
  EXPECT_EQ(array.delimiter, ';');
  EXPECT_EQ(array.element->kind, "numeric");
  EXPECT_EQ(array.element->sql, "numeric(12,3)");
  EXPECT_EQ(array.element->typmod, 786439);
  const auto& domain = *table.columns[2].type;
  EXPECT_EQ(domain.kind, "domain");
  EXPECT_EQ(domain.base->sql, "numeric(10,2)");
  EXPECT_EQ(domain.base->typmod, 655366);
  const auto& composite = *table.columns[3].type;
  EXPECT_EQ(composite.kind, "composite");
  ASSERT_EQ(composite.fields.size(), 2U);
  EXPECT_EQ(composite.fields[0].type->kind, "enum");
  EXPECT_THAT(composite.fields[0].type->labels, ElementsAre("sad", "ok"));
  EXPECT_THAT(composite.fields[0].type->label_oids, ElementsAre(100U, 102U));
  EXPECT_EQ(composite.fields[1].type->kind, "range");
}

TEST(SourceJson, EqualDescriptionsAreEqualTexts) {
  const auto table = read(kDescription);
  EXPECT_EQ(table.json, nlohmann::json::parse(kDescription).dump());
  EXPECT_EQ(read(table.json).json, table.json);
  EXPECT_EQ(read(nlohmann::ordered_json::parse(kDescription).dump(3)).json, table.json);
}

// A description with one thing changed.
std::string with(const char* pointer, const nlohmann::json& value) {
  auto json = nlohmann::json::parse(kDescription);
  json[nlohmann::json::json_pointer(pointer)] = value;
  return json.dump();
}
std::string without(const char* parent, const char* name) {
  auto json = nlohmann::json::parse(kDescription);
  json[nlohmann::json::json_pointer(parent)].erase(name);
  return json.dump();
}

TEST(SourceJson, RefusesWhatIsNone) {
  const std::vector<std::string> hostile = {"",
                                            "null",
                                            "[]",
                                            "7",
                                            "{",
                                            "{}",
                                            "\xff",
                                            std::string(100'000, '['),
                                            std::string(200'000, '{'),
                                            with("/v", 2),
                                            with("/v", "1"),
                                            with("/oid", 0),
                                            with("/oid", -1),
                                            with("/oid", 4294967296),
                                            with("/oid", 1.5),
                                            with("/oid", "7"),
                                            with("/schema", 7),
                                            with("/name", ""),
                                            without("", "name"),
                                            with("/kind", "x"),
                                            with("/kind", "rp"),
                                            with("/kind", ""),
                                            with("/persistence", "t"),
                                            with("/identity", "z"),
                                            with("/children", 1),
                                            with("/columns", 7),
                                            with("/columns/0", 7),
                                            with("/columns/0/attnum", 0),
                                            with("/columns/0/attnum", 40000),
                                            with("/columns/1/attnum", 1),
                                            with("/columns/0/type", 999),
                                            with("/columns/0/type", nullptr),
                                            with("/columns/0/name", nullptr),
                                            with("/columns/0/typmod", 1LL << 40),
                                            with("/columns/2/generated", "x"),
                                            with("/columns/1/missing", 7),
                                            with("/indexes/0/key/0", nlohmann::json::object()),
                                            with("/indexes/0/key/0/expression", "both"),
                                            with("/indexes/0/included/0", "x"),
                                            with("/indexes/0/method", 7),
                                            with("/constraints/0/kind", "p"),
                                            with("/leaves/0/oid", nullptr),
                                            with("/leaves/0", "x"),
                                            with("/types", nlohmann::json::array()),
                                            without("", "types"),
                                            with("/types/15", 7),
                                            with("/types/15/kind", "?"),
                                            without("/types", "15"),
                                            with("/types/16/element", 16),
                                            with("/types/16/delimiter", ", "),
                                            with("/types/17/base", 17),
                                            with("/types/17/base", nullptr),
                                            without("/types/17", "base_sql"),
                                            with("/types/18/fields/0/type", 18),
                                            with("/types/18/fields", "x"),
                                            with("/types/19/labels/0", "sad"),
                                            with("/types/19/labels/0/0", "100"),
                                            with("/types/19/labels/0/1", 7)};
  for (const auto& json : hostile) {
    const auto table = source_table_from_json(json);
    ASSERT_FALSE(table) << json.substr(0, 200);
    EXPECT_EQ(table.error().code, "description");
    EXPECT_EQ(table.error().verdict, Verdict::Operator);
    EXPECT_FALSE(table.error().remedy.empty());
  }
}

TEST(SourceJson, AChainOfTypesDoesNotEndTheStack) {
  auto json = nlohmann::json::parse(kDescription);
  for (int i = 1000; i < 60'000; ++i) {
    json["types"][std::to_string(i)] = {{"name", "d"}, {"kind", "d"}, {"base", i + 1}, {"base_sql", "d"}};
  }
  json["columns"][0]["type"] = 1000;
  EXPECT_FALSE(source_table_from_json(json.dump()));
}

TEST(SourceJson, SurvivesMutations) {
  std::mt19937 random(7);
  const auto pick = [&](std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random); };
  const std::string alphabet = "{}[]\",:0123456789-.eE\\ \xff\x01nulltruefalserp";
  int read_well = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string json = kDescription;
    for (std::size_t edits = 1 + pick(4); edits > 0; --edits) {
      const std::size_t at = pick(json.size());
      switch (pick(4)) {
        case 0:
          json[at] = alphabet[pick(alphabet.size())];
          break;
        case 1:
          json.erase(at, 1 + pick(40));
          break;
        case 2:
          json.insert(at, json.substr(pick(json.size()), 1 + pick(60)));
          break;
        default:
          json.insert(at, 1, alphabet[pick(alphabet.size())]);
      }
    }
    const auto table = source_table_from_json(json);
    if (!table) continue;
    ++read_well;
    for (const auto& column : table->columns) ASSERT_NE(column.type, nullptr) << json;
    const auto again = source_table_from_json(table->json);
    ASSERT_TRUE(again) << table->json;
    ASSERT_EQ(again->json, table->json);
  }
  EXPECT_GT(read_well, 100) << "the mutations must leave something to read";
}

}  // namespace
}  // namespace walbridge
