// Whatever bytes come, every encoder answers with a value or a fault and reads nothing beyond them (the sanitizer
// build watches). Seeded: a failure repeats.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "mapping/encoder.h"
#include "tests/unit/mapping/corpus.h"

namespace walbridge::mapping {
namespace {

constexpr std::size_t kRounds = 20;

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  std::string mutate(std::string text) {
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) edit(text);
    return text;
  }

 private:
  char nasty() {
    static constexpr std::string_view kNasty = "{}[](),:;\"\\'-+.eEPTYMDHS0159 \x01\x7f\x80\xff\xc3\xe2NULinfatx/<>=";
    return kNasty[below(kNasty.size())];
  }

  void edit(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    switch (below(5)) {
      case 0:
        text.resize(at);
        break;
      case 1:
        text.insert(at, 1, nasty());
        break;
      case 2:
        if (at < text.size()) text[at] = nasty();
        break;
      case 3:
        if (at < text.size()) text.erase(at, 1 + below(4));
        break;
      default:
        text.insert(at, text.substr(below(text.size() + 1), 8));
        break;
    }
  }

  std::mt19937 random_;
};

using Encoders = std::vector<std::shared_ptr<const Encoder>>;

Encoders every_encoder(const std::shared_ptr<const PgType>& of, Mutator& mutator) {
  static constexpr const char* kNames[] = {"default",     "text",        "real",         "integer_scaled",
                                           "integer",     "trim",        "hex",          "base64",
                                           "blob",        "text_hex",    "compact",      "jsonb_blob",
                                           "text_prisma", "text_sqlite", "utc",          "unix_s",
                                           "unix_ms",     "unix_us",     "unix_ms_frac", "julian",
                                           "epoch_days",  "us",          "us_utc",       "postgres",
                                           "pg_text",     "rank",        "json",         "f64",
                                           "f16",         "ewkb_hex",    "geojson",      "wkt"};
  Encoders encoders;
  for (const char* name : kNames) {
    EncodingChoice choice;
    choice.name = name;
    choice.specials = static_cast<config::Specials>(mutator.below(4));
    if (auto encoder = compile_encoder(of, choice)) encoders.push_back(*encoder);
  }
  return encoders;
}

void expect_sound(const SqlValue& value) {
  ASSERT_NE(value.kind, SqlValue::Kind::Absent);
  if (value.kind == SqlValue::Kind::Real) {
    ASSERT_TRUE(std::isfinite(value.real));
  }
  if (value.kind == SqlValue::Kind::Text || value.kind == SqlValue::Kind::Blob) {
    ASSERT_NE(value.bytes.data(), nullptr);
  }
  if (value.kind == SqlValue::Kind::Text) {
    // dump() throws on what is not UTF-8
    ASSERT_NO_THROW(static_cast<void>(nlohmann::json(std::string(value.bytes)).dump()));
  }
}

TEST(Hostile, MutatedTextsNeverCrashAnyEncoder) {
  const auto columns = testing::read_json("columns.json");
  Mutator mutator(20240115);
  std::size_t values = 0;
  std::size_t faults = 0;
  for (const auto& cell : testing::read_lines("expected.jsonl")) {
    if (cell.at("pg").is_null()) continue;
    const auto& described = columns.at(cell.at("t").get<std::string>()).at(cell.at("c").get<std::string>());
    const auto encoders = every_encoder(testing::type_of(described.at("desc"), described.at("type")), mutator);
    const auto original = cell.at("pg").get<std::string>().substr(0, 300);
    for (std::size_t round = 0; round < kRounds; ++round) {
      const auto text = mutator.mutate(original);
      // Exactly as many bytes as the text has, so that one byte too far is seen.
      const std::unique_ptr<char[]> exact(new char[text.size()]);
      std::copy(text.begin(), text.end(), exact.get());
      for (const auto& encoder : encoders) {
        SCOPED_TRACE(encoder->type->sql + " as " + encoder->encoding);
        Arena scratch;
        SqlValue value;
        if (encoder->encode({exact.get(), text.size()}, scratch, value) != nullptr) {
          ++faults;
          continue;
        }
        ++values;
        expect_sound(value);
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GT(values, 5000U);
  EXPECT_GT(faults, 5000U);
}

}  // namespace
}  // namespace walbridge::mapping
