// Order keys against the order Postgres gave the corpus, and at the edges of each type.
#include "mapping/order_key.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "tests/unit/mapping/corpus.h"
#include "tests/unit/mapping/source_tables.h"

namespace walbridge::mapping {
namespace {

using ::testing::HasSubstr;
using testing::type;

std::shared_ptr<const Encoder> stored(const std::shared_ptr<const PgType>& of, const std::string& encoding = {}) {
  EncodingChoice choice;
  choice.name = encoding;
  return *compile_encoder(of, choice);
}

// A key as bytes that compare as SQLite compares values of one class.
std::string comparable(const SqlValue& value) {
  if (value.kind != SqlValue::Kind::Integer) return std::string(value.bytes);
  std::string bytes(8, '\0');
  auto bits = static_cast<std::uint64_t>(value.integer) ^ (1ULL << 63);
  for (std::size_t i = 8; i-- > 0; bits >>= 8) bytes[i] = static_cast<char>(bits & 0xff);
  return bytes;
}

std::string key(const std::shared_ptr<const PgType>& of, std::string_view text) {
  const auto compiled = compile_order_key(*of, *stored(of));
  if (!compiled) {
    ADD_FAILURE() << describe(compiled.error());
    return {};
  }
  Arena scratch;
  SqlValue value;
  const Fault fault = (*compiled)->encode(text, scratch, value);
  EXPECT_EQ(fault, nullptr) << of->kind << " " << text << " " << (fault == nullptr ? "" : fault);
  return comparable(value);
}

void expect_ascending(const std::shared_ptr<const PgType>& of, const std::vector<std::string>& texts) {
  for (std::size_t i = 1; i < texts.size(); ++i) {
    EXPECT_LT(key(of, texts[i - 1]), key(of, texts[i])) << texts[i - 1] << " and " << texts[i];
  }
}

TEST(OrderKey, SortsTheCorpusAsPostgresDoes) {
  const auto columns = testing::read_json("columns.json");
  std::map<std::string, std::map<std::int64_t, std::string>> cells;
  for (const auto& cell : testing::read_lines("expected.jsonl")) {
    if (cell.at("pg").is_null()) continue;
    const std::string table = cell.at("t");
    if (table.find(".c_") == std::string::npos) continue;
    cells[table + "|" + cell.at("c").get<std::string>()][std::stoll(cell.at("id").get<std::string>())] = cell.at("pg");
  }
  std::set<std::string> kinds;
  std::size_t compared = 0;
  for (const auto& line : testing::read_lines("order.jsonl")) {
    const std::string table = line.at("t");
    const std::string column = line.at("c");
    if (!columns.contains(table)) continue;  // needs an extension that the corpus here was made without
    const auto of = without_domains(testing::type_of(columns.at(table).at(column).at("desc"), line.at("type")));
    const auto compiled = compile_order_key(*of, *stored(of));
    if (!compiled) {
      EXPECT_EQ(compiled.error().code, "order-key");
      EXPECT_FALSE(compiled.error().remedy.empty());
      continue;
    }
    kinds.insert(of->kind);
    const auto& of_column = cells.at(table + "|" + column);
    std::string before;
    for (const auto& id : line.at("pg_order")) {
      const auto now = key(of, of_column.at(id.get<std::int64_t>()));
      EXPECT_LE(before, now) << table << "." << column << " at id " << id;
      before = now;
      ++compared;
    }
  }
  EXPECT_GT(compared, 150U);
  for (const char* kind : {"numeric", "float4", "float8", "inet", "cidr", "pg_lsn", "timetz", "timestamp",
                           "timestamptz", "date", "interval", "money", "enum"}) {
    EXPECT_EQ(kinds.count(kind), 1U) << kind;
  }
}

TEST(OrderKey, OfNumbers) {
  expect_ascending(type("numeric"), {"-Infinity",
                                     "-123456789012345678901234567890",
                                     "-10",
                                     "-9.99",
                                     "-9.989",
                                     "-9.9",
                                     "-1",
                                     "-0.1",
                                     "-0.09",
                                     "0",
                                     "0.0000001",
                                     "0.09",
                                     "0.1",
                                     "0.11",
                                     "1",
                                     "1.5",
                                     "2",
                                     "9.99",
                                     "10.00",
                                     "99999999999999",
                                     "100000000000000",
                                     "Infinity",
                                     "NaN"});
  EXPECT_EQ(key(type("numeric"), "1.0"), key(type("numeric"), "1.00"));
  EXPECT_EQ(key(type("numeric"), "0"), key(type("numeric"), "0.000"));
  EXPECT_EQ(key(type("numeric"), "-0"), key(type("numeric"), "0"));
  expect_ascending(type("numeric"), {"-1" + std::string(131071, '0'), "-0." + std::string(16382, '0') + "1",
                                     "0." + std::string(16382, '0') + "1", "1" + std::string(131071, '0')});
  for (const char* kind : {"float4", "float8"}) {
    expect_ascending(type(kind),
                     {"-Infinity", "-1e+30", "-1.5", "-1e-30", "0", "1e-30", "1.5", "1e+30", "Infinity", "NaN"});
    EXPECT_EQ(key(type(kind), "-0"), key(type(kind), "0"));
  }
  expect_ascending(type("money"), {"-$92,233,720,368,547,758.08", "-$1.50", "$0.00", "$9.99", "$1,000.00"});
}

TEST(OrderKey, OfInstants) {
  for (const char* kind : {"timestamp", "timestamptz"}) {
    const std::string zone = kind == std::string("timestamptz") ? "+00" : "";
    expect_ascending(type(kind),
                     {"-infinity", "4713-11-24 00:00:00" + zone + " BC", "0001-12-31 23:59:59" + zone + " BC",
                      "0001-01-01 00:00:00" + zone, "1969-12-31 23:59:59.999999" + zone, "1970-01-01 00:00:00" + zone,
                      "9999-12-31 23:59:59" + zone, "10000-01-01 00:00:00" + zone, "infinity"});
    // Beyond 64 bits of unix microseconds keys are equal, and still below infinity.
    EXPECT_LE(key(type(kind), "294247-01-10 04:00:54" + zone), key(type(kind), "294276-12-31 23:59:59.999999" + zone));
    EXPECT_LT(key(type(kind), "294276-12-31 23:59:59.999999" + zone), key(type(kind), "infinity"));
  }
  expect_ascending(type("date"), {"-infinity", "4713-11-24 BC", "0001-12-31 BC", "0001-01-01", "1999-12-31",
                                  "9999-12-31", "10000-01-01", "5874897-12-31", "infinity"});
  expect_ascending(type("timetz"), {"00:00:00+15:59", "12:00:00+01", "12:00:00+00", "12:00:00-01", "24:00:00-15:59"});
  // Equal instants: the zone further east first.
  expect_ascending(type("timetz"), {"13:00:00+01", "12:00:00+00", "11:00:00-01"});
  expect_ascending(type("interval"), {"P-1Y", "PT-1S", "PT0S", "PT1S", "P1D", "P29D", "P1M", "P31D", "P1Y"});
  EXPECT_EQ(key(type("interval"), "P1M"), key(type("interval"), "P30D"));
}

TEST(OrderKey, OfAddressesAndPositions) {
  expect_ascending(type("inet"), {"0.0.0.0/0", "9.255.255.255", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/16", "10.0.0.0",
                                  "10.0.0.1", "255.255.255.255", "::/0", "::1", "fe80::/10", "ffff::"});
  expect_ascending(type("cidr"), {"10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "::/0"});
  expect_ascending(type("pg_lsn"), {"0/0", "0/FF", "9/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"});
}

TEST(OrderKey, OfEnumsIsTheRank) {
  const auto mood = testing::enum_of({"sad", "ok", "happy"});
  expect_ascending(mood, {"sad", "ok", "happy"});
}

TEST(OrderKey, IsRefusedWithAReasonWhereItHelpsNobody) {
  const auto refusal = [](const std::shared_ptr<const PgType>& of, const std::string& encoding = {}) {
    const auto compiled = compile_order_key(*of, *stored(of, encoding));
    return compiled ? std::string("made") : compiled.error().message;
  };
  for (const char* kind : {"bool", "int4", "int8", "uuid", "bytea", "time", "macaddr", "oid"}) {
    EXPECT_THAT(refusal(type(kind)), HasSubstr("sorts as in Postgres as it is")) << kind;
  }
  EXPECT_THAT(refusal(testing::numeric(10, 2)), HasSubstr("as it is"));
  EXPECT_EQ(refusal(testing::numeric(20, 2)), "made");
  EXPECT_EQ(refusal(testing::numeric(10, 2), "text"), "made");
  EXPECT_EQ(refusal(type("int8"), "text"), "made");
  EXPECT_THAT(refusal(type("interval"), "us"), HasSubstr("as it is"));
  for (const char* kind : {"text", "varchar", "bpchar", "citext", "name"}) {
    EXPECT_THAT(refusal(type(kind)), HasSubstr("ICU")) << kind;
  }
  for (const char* kind : {"jsonb", "hstore", "vector", "point", "tsvector", "made_up"}) {
    EXPECT_THAT(refusal(type(kind)), HasSubstr("no short key")) << kind;
  }
  EXPECT_THAT(refusal(testing::array_of(type("int4"))), HasSubstr("no short key"));
}

TEST(OrderKey, WhatIsNotOfTheTypeIsAFault) {
  const std::vector<std::string> bad = {
      "",          "-",          ".",       "x",     "1e5",         "1..2",       "--1",      "1.2.3.4.5",
      "300.1.1.1", "1.2.3.4/33", "::1/129", "1/2/3", "123456789/1", "2024-13-01", "12:00:00", std::string(100, ':')};
  for (const char* kind :
       {"numeric", "inet", "cidr", "pg_lsn", "timetz", "timestamp", "timestamptz", "date", "interval"}) {
    const auto of = type(kind);
    const auto compiled = *compile_order_key(*of, *stored(of));
    Arena scratch;
    SqlValue value;
    std::size_t faults = 0;
    for (const auto& text : bad) {
      if (compiled->encode(text, scratch, value) != nullptr) ++faults;
    }
    EXPECT_GE(faults, bad.size() - 2) << kind;
  }
}

}  // namespace
}  // namespace walbridge::mapping
