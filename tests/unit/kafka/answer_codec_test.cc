// Pieces of tables, catalogs, errors and requests: there and back.
#include <algorithm>

#include <gtest/gtest.h>

#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/requests.h"
#include "tests/unit/kafka/random_events.h"

namespace walbridge::kafka {
namespace {

using namespace testing;

void expect_same(const ChunkPiece& a, const ChunkPiece& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.snapshot.xmin, b.snapshot.xmin);
  EXPECT_EQ(a.snapshot.xmax, b.snapshot.xmax);
  EXPECT_EQ(a.snapshot.running, b.snapshot.running);
  EXPECT_EQ(to_text(a.seen), to_text(b.seen));
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.heaps, b.heaps);
  EXPECT_EQ(a.ends_chunk, b.ends_chunk);
  EXPECT_EQ(a.ends_table, b.ends_table);
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    EXPECT_EQ(a.values[i].kind, b.values[i].kind);
    EXPECT_EQ(a.values[i].text, b.values[i].text);
  }
}

TEST(PieceCodec, RoundTrip) {
  bool without_columns = false;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    RandomEvents random(seed);
    ChunkPiece piece;
    piece.id = random.number();
    piece.snapshot.xmin = random.number();
    piece.snapshot.xmax = random.number();
    for (std::size_t i = random.below(4); i > 0; --i) piece.snapshot.running.push_back(random.number());
    std::sort(piece.snapshot.running.begin(), piece.snapshot.running.end());
    piece.seen = *random.relation();
    const std::size_t rows = random.below(6);
    for (; piece.rows < rows; ++piece.rows) {
      piece.heaps.push_back(static_cast<std::uint32_t>(random.number()));
      const auto row = random.row(piece.seen.columns.size(), piece.arena);
      piece.values.insert(piece.values.end(), row.begin(), row.end());
    }
    without_columns = without_columns || (rows > 0 && piece.seen.columns.empty());
    piece.ends_chunk = random.below(2) == 0;
    piece.ends_table = random.below(2) == 0;
    const auto decoded = decode_piece(encode_piece(piece));
    ASSERT_TRUE(decoded) << describe(decoded.error());
    expect_same(piece, *decoded);
  }
  EXPECT_TRUE(without_columns);
}

TEST(PieceCodec, OwnsItsBytes) {
  RandomEvents random(3);
  ChunkPiece piece;
  piece.seen.columns.resize(1);
  piece.rows = 1;
  piece.heaps = {7};
  piece.values = {{WireValue::Kind::Text, "a value that is longer than a small string"}};
  std::string value = encode_piece(piece);
  auto decoded = decode_piece(value);
  ASSERT_TRUE(decoded);
  value.assign(value.size(), 'x');
  const ChunkPiece moved = *std::move(decoded);
  EXPECT_EQ("a value that is longer than a small string", moved.values[0].text);
}

TEST(CatalogCodec, RoundTrip) {
  std::vector<SourceTable> tables;
  for (std::uint32_t i = 1; i <= 3; ++i) {
    tables.push_back(described_table(i, "table \u00e9 " + std::to_string(i)));
    tables.back().estimated_rows = i == 1 ? -1 : 0.1 * i;
    tables.back().bytes = ~std::uint64_t{0} / i;
  }
  for (std::size_t count = 0; count <= tables.size(); ++count) {
    const auto decoded = decode_catalog(encode_catalog(std::span(tables).first(count)));
    ASSERT_TRUE(decoded) << describe(decoded.error());
    ASSERT_EQ(count, decoded->size());
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(tables[i].json, (*decoded)[i].json);
      EXPECT_EQ(tables[i].name, (*decoded)[i].name);
      EXPECT_EQ(1U, (*decoded)[i].columns.size());
      EXPECT_EQ(tables[i].estimated_rows, (*decoded)[i].estimated_rows);
      EXPECT_EQ(tables[i].bytes, (*decoded)[i].bytes);
    }
  }
}

TEST(ErrorCodec, RoundTrip) {
  for (const auto verdict : {Verdict::Retry, Verdict::Operator, Verdict::PoisonRow, Verdict::Gap}) {
    const Error error{verdict, "42501", "must be \"owner\"\nof t\u00e9", "GRANT …", "orders"};
    const Error back = decode_error(encode_error(error));
    EXPECT_EQ(error.verdict, back.verdict);
    EXPECT_EQ(error.code, back.code);
    EXPECT_EQ(error.message, back.message);
    EXPECT_EQ(error.remedy, back.remedy);
    EXPECT_EQ(error.table, back.table);
  }
  EXPECT_EQ("kafka-broken-record", decode_error("what?").code);
  EXPECT_EQ(Verdict::Operator, decode_error(R"({"verdict":"later"})").verdict);
}

Request sample() {
  Request request;
  request.kind = Request::Kind::Chunk;
  request.id = ~std::uint64_t{0};
  request.stream = "0f5e6f9c-7e0b-4ab0-9c52-0d4d6a4a6f11";
  request.asker = "b2c9d6d4-34a5-4b68-8f6e-2b2f6d8c7e22";
  ChunkRequest& chunk = request.chunk;
  chunk.id = 0x8000'0000'0000'0001;
  auto table = described_table(4'294'967'295, "orders");
  table.estimated_rows = 1234.5;
  table.bytes = ~std::uint64_t{0};
  chunk.table = std::make_shared<SourceTable>(std::move(table));
  chunk.columns = {"id", "na\"me", "\u65e5\u672c"};
  chunk.key = {"id", ""};
  chunk.after = {std::string("a\0b", 3), "\u00e9\n\"\\", "\xff\xfe of SQL_ASCII"};
  chunk.only = {{"1", "x"}, {}, {"\xc3"}};
  chunk.leaf = 7;
  chunk.most_rows = 123;
  chunk.most_bytes = std::size_t{5} << 32;
  chunk.first = false;
  chunk.publish_where = "tenant = 'é'";
  chunk.append_only = true;
  return request;
}

TEST(Requests, ChunkRoundTrip) {
  const Request request = sample();
  const auto back = request_from_json(to_json(request));
  ASSERT_TRUE(back) << describe(back.error());
  EXPECT_EQ(Request::Kind::Chunk, back->kind);
  EXPECT_EQ(request.id, back->id);
  EXPECT_EQ(request.stream, back->stream);
  EXPECT_EQ(request.asker, back->asker);
  const ChunkRequest &a = request.chunk, &b = back->chunk;
  EXPECT_EQ(a.id, b.id);
  ASSERT_NE(nullptr, b.table);
  EXPECT_EQ(a.table->json, b.table->json);
  EXPECT_EQ(a.table->qualified_name(), b.table->qualified_name());
  EXPECT_EQ(a.table->estimated_rows, b.table->estimated_rows);
  EXPECT_EQ(a.table->bytes, b.table->bytes);
  EXPECT_EQ(a.columns, b.columns);
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.after, b.after);
  EXPECT_EQ(a.only, b.only);
  EXPECT_EQ(a.leaf, b.leaf);
  EXPECT_EQ(a.most_rows, b.most_rows);
  EXPECT_EQ(a.most_bytes, b.most_bytes);
  EXPECT_EQ(a.first, b.first);
  EXPECT_EQ(a.publish_where, b.publish_where);
  EXPECT_EQ(a.append_only, b.append_only);
  EXPECT_EQ(to_json(request), to_json(*back));
}

TEST(Requests, EveryOtherKindRoundTrip) {
  for (const auto kind :
       {Request::Kind::Catalog, Request::Kind::Withdraw, Request::Kind::Announce, Request::Kind::Copy}) {
    Request request;
    request.kind = kind;
    request.id = 42;
    request.stream = "s";
    request.asker = "a";
    for (const std::vector<std::uint32_t>& oids : {std::vector<std::uint32_t>{}, {1, 4'294'967'295}}) {
      request.oids = oids;
      const auto back = request_from_json(to_json(request));
      ASSERT_TRUE(back) << describe(back.error());
      EXPECT_EQ(kind, back->kind);
      EXPECT_EQ(42U, back->id);
      EXPECT_EQ("s", back->stream);
      EXPECT_EQ("a", back->asker);
      EXPECT_EQ(oids, back->oids);
    }
  }
}

TEST(Requests, WhatIsNoneIsRefused) {
  const std::string whole = to_json(sample());
  const auto without = [&](const std::string& what, const std::string& with) {
    const auto at = whole.find(what);
    EXPECT_NE(std::string::npos, at) << what;
    return whole.substr(0, at) + with + whole.substr(at + what.size());
  };
  const std::string wrong[] = {
      "",
      "[]",
      "{}",
      "null",
      R"({"v":1})",
      std::string(1'000'000, '['),
      "{\"a\":" + std::string(100, '{'),
      whole.substr(0, whole.size() - 2) + "2}",  // its version, the last member
      without("\"kind\":\"chunk\"", "\"kind\":\"everything\""),
      without("\"id\":18446744073709551615", "\"id\":-1"),
      without("\"id\":18446744073709551615", "\"id\":1.5"),
      without("\"leaf\":7", "\"leaf\":4294967296"),
      without("\"first\":false", "\"first\":0"),
      without("\"columns\":[", "\"columns\":[1,"),
      without("\"only\":[", "\"only\":[\"1\","),
      without("\"hex\":\"", "\"hex\":\"0"),
      without("\"persistence\":\"p\"", "\"persistence\":\"t\""),
      whole.substr(0, whole.size() - 1),
  };
  for (const auto& json : wrong) {
    const auto request = request_from_json(json);
    ASSERT_FALSE(request) << json.substr(0, 200);
    EXPECT_EQ("kafka-bad-request", request.error().code);
    EXPECT_EQ(Verdict::Operator, request.error().verdict);
  }
}

}  // namespace
}  // namespace walbridge::kafka
