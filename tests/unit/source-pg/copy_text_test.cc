#include "source-pg/copy_text.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

namespace walbridge::source_pg {
namespace {

using Fields = std::vector<std::optional<std::string>>;

Fields split(std::string line) {
  std::vector<WireValue> row;
  split_copy_line(line.data(), line.size(), row);
  Fields fields;
  for (const auto& value : row) {
    EXPECT_NE(value.kind, WireValue::Kind::Unchanged);
    if (value.kind == WireValue::Kind::Null) {
      fields.emplace_back(std::nullopt);
    } else {
      fields.emplace_back(std::string(value.text));
    }
  }
  return fields;
}

// What the server writes: CopyAttributeOutText() of the backend, for a UTF-8 client.
std::string as_server_writes(const Fields& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += '\t';
    if (!fields[i]) {
      line += "\\N";
      continue;
    }
    for (const char c : *fields[i]) {
      switch (c) {
        case '\b':
          line += "\\b";
          break;
        case '\f':
          line += "\\f";
          break;
        case '\n':
          line += "\\n";
          break;
        case '\r':
          line += "\\r";
          break;
        case '\t':
          line += "\\t";
          break;
        case '\v':
          line += "\\v";
          break;
        case '\\':
          line += "\\\\";
          break;
        default:
          line += c;
      }
    }
  }
  return line;
}

TEST(CopyText, SplitsAtTabs) {
  EXPECT_EQ(split("1\ttwo\t3"), (Fields{"1", "two", "3"}));
  EXPECT_EQ(split(""), (Fields{""}));
  EXPECT_EQ(split("\t"), (Fields{"", ""}));
  EXPECT_EQ(split("a\t\tb\t"), (Fields{"a", "", "b", ""}));
}

TEST(CopyText, TellsNullFromTextThatLooksLikeIt) {
  EXPECT_EQ(split("\\N"), (Fields{std::nullopt}));
  EXPECT_EQ(split("\\N\t\\N\tx"), (Fields{std::nullopt, std::nullopt, "x"}));
  EXPECT_EQ(split("\\\\N"), (Fields{"\\N"}));
  EXPECT_EQ(split("N"), (Fields{"N"}));
  EXPECT_EQ(split("\\Nx"), (Fields{"Nx"}));  // only a field that is nothing but \N is NULL
  EXPECT_EQ(split("x\\N"), (Fields{"xN"}));
}

TEST(CopyText, KnowsEveryEscapeOfTheManual) {
  EXPECT_EQ(split("\\b\\f\\n\\r\\t\\v\\\\"), (Fields{"\b\f\n\r\t\v\\"}));
  EXPECT_EQ(split("\\101\\60\\7z"), (Fields{"A0\az"}));
  EXPECT_EQ(split("\\1018"), (Fields{"A8"}));  // at most three octal digits
  EXPECT_EQ(split("\\x41\\x4a\\xfg"), (Fields{"AJ\x0fg"}));
  EXPECT_EQ(split("\\x414"), (Fields{"A4"}));  // at most two hexadecimal digits
  EXPECT_EQ(split("\\xyz"), (Fields{"xyz"}));  // no digit: the x itself
  EXPECT_EQ(split("\\q\\.\\\""), (Fields{"q.\""}));
  EXPECT_EQ(split("a\\\tb"), (Fields{"a\tb"}));  // an escaped delimiter is data
  EXPECT_EQ(split("a\\"), (Fields{"a\\"}));
  EXPECT_EQ(split("\\x"), (Fields{"x"}));
  EXPECT_EQ(split(std::string("\\0z", 3)), (Fields{std::string("\0z", 2)}));
  EXPECT_EQ(split("\\777"), (Fields{"\xff"}));
}

TEST(CopyText, FindsSpecialBytesAtEveryDistance) {
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string plain(length, 'x');
    EXPECT_EQ(split(plain + "\tb"), (Fields{plain, "b"})) << length;
    EXPECT_EQ(split(plain + "\\\\b"), (Fields{plain + "\\b"})) << length;
    EXPECT_EQ(split(plain + "\\n" + plain + "\\t"), (Fields{plain + "\n" + plain + "\t"})) << length;
  }
}

TEST(CopyText, DoesNotMistakeNeighbourBytes) {
  // Bytes that differ from tab and backslash by one bit, or by the carry that a word-wise comparison could make.
  for (int c = 1; c < 256; ++c) {
    if (c == '\t' || c == '\\') continue;
    const std::string text = std::string(3, static_cast<char>(c)) + "\tyyyyyyy" + static_cast<char>(c);
    EXPECT_EQ(split(text),
              (Fields{std::string(3, static_cast<char>(c)), "yyyyyyy" + std::string(1, static_cast<char>(c))}))
        << c;
  }
}

TEST(CopyText, ReadsBackWhateverTheServerWrites) {
  std::mt19937 random(20260101);
  const std::string alphabet = "\\\\\\\t\t\n\r\b\f\vNx01789abfnrtv.\"'{},\xc3\xa4";
  for (int round = 0; round < 20'000; ++round) {
    Fields fields(1 + random() % 6);
    for (auto& field : fields) {
      if (random() % 5 == 0) continue;
      std::string text;
      for (auto left = random() % 30; left > 0; --left) {
        text += random() % 4 == 0 ? static_cast<char>(1 + random() % 255) : alphabet[random() % alphabet.size()];
      }
      field = text;
    }
    ASSERT_EQ(split(as_server_writes(fields)), fields) << "round " << round;
  }
}

TEST(CopyText, SurvivesAnyBytesAndStaysInsideTheLine) {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string line(random() % 48, '\0');
    for (auto& c : line) c = random() % 3 == 0 ? "\\\tN0x7f"[random() % 7] : static_cast<char>(random());
    const char* const begin = line.data();
    std::vector<WireValue> row;
    split_copy_line(line.data(), line.size(), row);
    ASSERT_FALSE(row.empty());
    for (const auto& value : row) {
      if (value.kind == WireValue::Kind::Null) continue;
      ASSERT_GE(value.text.data(), begin);
      ASSERT_LE(value.text.data() + value.text.size(), begin + line.size());
    }
  }
}

}  // namespace
}  // namespace walbridge::source_pg
