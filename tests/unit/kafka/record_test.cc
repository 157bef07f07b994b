// Headers of records: there and back, and what is not ours.
#include "pipeline/kafka/record.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walbridge::kafka {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;

RecordHead sample(RecordKind kind) {
  RecordHead head;
  head.kind = kind;
  head.stream = "0f5e6f9c-7e0b-4ab0-9c52-0d4d6a4a6f11";
  head.writer = "b2c9d6d4-34a5-4b68-8f6e-2b2f6d8c7e22";
  head.epoch = ~std::uint64_t{0};
  head.source_id = "7312/1/sh\u00f6p/walbridge";
  head.from = Lsn{0xFFFF'FFFF'0000'0000};
  head.to = Lsn{0xFFFF'FFFF'FFFF'FFFF};
  head.committed_at = {-5};
  return head;
}

LogRecord record_with(Headers headers) {
  LogRecord record;
  record.offset = 42;
  record.headers = std::move(headers);
  return record;
}

void expect_same(const RecordHead& a, const RecordHead& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.stream, b.stream);
  EXPECT_EQ(a.writer, b.writer);
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.source_id, b.source_id);
  EXPECT_EQ(a.from, b.from);
  EXPECT_EQ(a.to, b.to);
  EXPECT_EQ(a.committed_at, b.committed_at);
  EXPECT_EQ(a.request, b.request);
  EXPECT_EQ(a.part, b.part);
  EXPECT_EQ(a.last, b.last);
  EXPECT_EQ(a.failed, b.failed);
  EXPECT_EQ(a.slice, b.slice);
  EXPECT_EQ(a.slices, b.slices);
}

TEST(Record, RoundTripOfEveryKind) {
  for (const auto kind : {RecordKind::Start, RecordKind::Block, RecordKind::Part, RecordKind::Progress,
                          RecordKind::Chunk, RecordKind::Answer}) {
    auto head = sample(kind);
    if (kind == RecordKind::Part) head.part = 0xFFFF'FFFF;
    if (kind == RecordKind::Chunk || kind == RecordKind::Answer) head.request = ~std::uint64_t{0};
    for (const bool flag : {false, true}) {
      head.last = head.failed = flag;
      head.slice = flag ? 3 : 0;
      head.slices = flag ? 4 : 1;
      const auto back = head_of(record_with(to_headers(head)));
      ASSERT_TRUE(back) << describe(back.error());
      expect_same(head, *back);
    }
  }
}

TEST(Record, HeadersAreReadable) {
  auto head = sample(RecordKind::Part);
  head.from = Lsn{0x16'B374'D848};
  head.to = Lsn{0x16'B374'D850};
  head.committed_at = {1'790'000'000'123'456};
  head.part = 2;
  head.last = true;
  head.slice = 1;
  head.slices = 3;
  EXPECT_THAT(to_headers(head),
              ::testing::ElementsAre(Pair("wb", "1"), Pair("k", "part"), Pair("s", head.stream), Pair("w", head.writer),
                                     Pair("e", "18446744073709551615"), Pair("o", head.source_id),
                                     Pair("p", "16/B374D848"), Pair("l", "16/B374D850"), Pair("t", "1790000000123456"),
                                     Pair("n", "2"), Pair("end", "1"), Pair("slice", "1/3")));
}

TEST(Record, WhatIsNotOursIsSaid) {
  const auto code_of = [](Headers headers) {
    const auto head = head_of(record_with(std::move(headers)));
    return head ? std::string("ours") : head.error().code;
  };
  const auto with = [](RecordKind kind, const std::string& name, const std::string& value) {
    Headers headers = to_headers(sample(kind));
    for (auto& [key, old] : headers) {
      if (key == name) return old = value, headers;
    }
    headers.emplace_back(name, value);
    return headers;
  };
  EXPECT_EQ("ours", code_of(to_headers(sample(RecordKind::Block))));
  EXPECT_EQ("ours", code_of(with(RecordKind::Block, "traceparent", "somebody's")));
  EXPECT_EQ("kafka-foreign-record", code_of({}));
  EXPECT_EQ("kafka-foreign-record", code_of({{"k", "block"}}));
  EXPECT_EQ("kafka-other-version", code_of(with(RecordKind::Block, "wb", "2")));
  EXPECT_EQ("kafka-other-version", code_of({{"wb", ""}}));
  const std::pair<const char*, const char*> wrong[] = {
      {"k", "blob"},    {"k", ""},         {"s", ""},
      {"s", "a b"},     {"w", "../x"},     {"e", "-1"},
      {"p", "16"},      {"l", ""},         {"l", "100000000/0"},
      {"t", "1.5"},     {"t", ""},         {"t", "99999999999999999999"},
      {"end", "0"},     {"err", ""},       {"slice", ""},
      {"slice", "1"},   {"slice", "/"},    {"slice", "1/1"},
      {"slice", "0/0"}, {"slice", "-1/2"}, {"slice", "0/4294967296"},
      {"l", "0/1"}};
  for (const auto& [name, value] : wrong) {
    EXPECT_EQ("kafka-foreign-record", code_of(with(RecordKind::Block, name, value))) << name << "=" << value;
  }
  EXPECT_EQ("kafka-foreign-record", code_of(with(RecordKind::Part, "n", "4294967296")));
  EXPECT_EQ("kafka-foreign-record", code_of(with(RecordKind::Chunk, "q", "-1")));
}

TEST(Record, WhatIsMissingOrDoubleIsSaid) {
  const Headers whole = to_headers(sample(RecordKind::Chunk));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Headers less = whole;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(head_of(record_with(less))) << whole[i].first;
    Headers more = whole;
    more.push_back(whole[i]);
    const auto doubled = head_of(record_with(more));
    ASSERT_FALSE(doubled) << whole[i].first;
    EXPECT_THAT(doubled.error().message, HasSubstr("offset 42"));
  }
}

}  // namespace
}  // namespace walbridge::kafka
