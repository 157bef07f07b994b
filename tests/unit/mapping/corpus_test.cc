// Every cell of the corpus through the encoder of its column.
#include <gtest/gtest.h>

#include <charconv>
#include <map>

#include "mapping/encoder.h"
#include "tests/unit/mapping/corpus.h"

namespace walbridge::mapping {
namespace {

using testing::read_json;
using testing::read_lines;
using testing::type_of;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

const char* storage_class(const SqlValue& value) {
  switch (value.kind) {
    case SqlValue::Kind::Null:
      return "null";
    case SqlValue::Kind::Integer:
      return "integer";
    case SqlValue::Kind::Real:
      return "real";
    case SqlValue::Kind::Text:
      return "text";
    case SqlValue::Kind::Blob:
      return "blob";
    case SqlValue::Kind::Absent:
      break;
  }
  return "absent";
}

void expect_value(const nlohmann::json& cell, const SqlValue& value) {
  ASSERT_EQ(cell.at("s").get<std::string>(), storage_class(value)) << cell;
  const std::string expected = cell.at("v").is_null() ? std::string() : cell.at("v").get<std::string>();
  switch (value.kind) {
    case SqlValue::Kind::Integer:
      EXPECT_EQ(expected, std::to_string(value.integer)) << cell;
      break;
    case SqlValue::Kind::Real: {
      double number = 0;
      const auto read = std::from_chars(expected.data(), expected.data() + expected.size(), number);
      ASSERT_EQ(read.ec, std::errc{}) << cell;
      EXPECT_EQ(number, value.real) << cell;  // to the last bit
      break;
    }
    case SqlValue::Kind::Text:
      EXPECT_EQ(expected, value.bytes) << cell;
      break;
    case SqlValue::Kind::Blob:
      EXPECT_EQ(expected, hex(value.bytes)) << cell;
      break;
    default:
      break;
  }
}

class Corpus : public ::testing::Test {
 protected:
  std::shared_ptr<const Encoder> encoder(const nlohmann::json& cell, const std::string& encoding) {
    const std::string table = cell.at("t");
    const std::string column = cell.at("c");
    auto& cached = encoders_[table + "|" + column + "|" + encoding];
    if (cached) return cached;
    const auto& described = columns_.at(table).at(column);
    EncodingChoice choice;
    choice.name = encoding;
    auto compiled = compile_encoder(type_of(described.at("desc"), described.at("type")), choice);
    if (!compiled) {
      ADD_FAILURE() << table << "." << column << ": " << describe(compiled.error());
      return nullptr;
    }
    return cached = *compiled;
  }

  nlohmann::json columns_ = read_json("columns.json");
  std::map<std::string, std::shared_ptr<const Encoder>> encoders_;
  Arena scratch_;
};

TEST_F(Corpus, DeclaredTypes) {
  int checked = 0;
  for (const auto& [table, columns] : columns_.items()) {
    for (const auto& [column, described] : columns.items()) {
      const auto compiled = compile_encoder(type_of(described.at("desc"), described.at("type")), {});
      ASSERT_TRUE(compiled) << table << "." << column;
      EXPECT_EQ(described.at("decl").get<std::string>(), (*compiled)->decl) << table << "." << column;
      EXPECT_EQ((*compiled)->encoding, "default");
      ++checked;
    }
  }
  EXPECT_GT(checked, 150);
}

TEST_F(Corpus, DefaultEncodings) {
  int checked = 0;
  for (const auto& cell : read_lines("expected.jsonl")) {
    const auto compiled = encoder(cell, "");
    ASSERT_TRUE(compiled);
    ++checked;
    if (cell.at("pg").is_null()) {
      EXPECT_EQ(cell.at("s"), "null");
      continue;
    }
    const std::string wire = cell.at("pg");
    SqlValue value;
    const Fault fault = compiled->encode(wire, scratch_, value);
    ASSERT_EQ(fault, nullptr) << fault << cell;
    expect_value(cell, value);
    scratch_.clear();
  }
  EXPECT_EQ(checked, 1082);
}

TEST_F(Corpus, NamedAlternatives) {
  int checked = 0;
  for (const auto& cell : read_lines("alternatives.jsonl")) {
    const auto compiled = encoder(cell, cell.at("as"));
    ASSERT_TRUE(compiled);
    ++checked;
    const std::string wire = cell.at("pg");
    SqlValue value;
    const Fault fault = compiled->encode(wire, scratch_, value);
    if (cell.at("s") == "error") {
      EXPECT_NE(fault, nullptr) << cell;
      continue;
    }
    ASSERT_EQ(fault, nullptr) << fault << cell;
    expect_value(cell, value);
    scratch_.clear();
  }
  EXPECT_EQ(checked, 394);
}

}  // namespace
}  // namespace walbridge::mapping
