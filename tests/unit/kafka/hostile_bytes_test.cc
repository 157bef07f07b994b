// Values that walbridge did not write: cut short, altered, made up. Every one is read or refused, none does harm.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/requests.h"
#include "pipeline/kafka/value_bytes.h"
#include "tests/unit/kafka/random_events.h"

namespace walbridge::kafka {
namespace {

using namespace testing;

// Reads everything that was decoded, so that a view to nowhere is found by the sanitizers.
std::size_t read_all(const Chunk& chunk) {
  std::size_t sum = 0;
  for (const auto& text : to_texts(chunk)) sum += text.size();
  return sum;
}

class Mutation {
 public:
  explicit Mutation(std::uint64_t seed) : random_(seed) {}

  std::string of(std::string value) {
    for (std::size_t left = 1 + random_.below(4); left > 0; --left) {
      const std::size_t at = random_.below(value.size() + 1);
      switch (random_.below(6)) {
        case 0:
          value.resize(at);
          break;
        case 1:
          value.insert(at, random_.text().substr(0, 12));
          break;
        case 2:
          value += static_cast<char>(random_.number());
          break;
        case 3:  // a length or number of any size
          value.replace(at, 1, std::string(random_.below(11), '\xff') + '\x01');
          break;
        default:
          if (at < value.size()) value[at] = static_cast<char>(random_.number());
      }
    }
    return value;
  }

 private:
  RandomEvents random_;
};

void expect_broken(const Error& error) {
  EXPECT_EQ("kafka-broken-record", error.code);
  EXPECT_EQ(Verdict::Operator, error.verdict);
  EXPECT_FALSE(error.remedy.empty());
}

TEST(HostileBytes, EventsAreReadOrRefused) {
  std::size_t refused = 0, accepted = 0, sum = 0;
  EventReader reader;  // one for all: what it keeps of broken values must do no harm either
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    RandomEvents random(seed);
    Chunk chunk;
    random.append_transactions(2, chunk);
    EventWriter writer;
    for (const Event& event : chunk.events) writer.add(event, chunk);
    std::string value;
    writer.take(value);
    Mutation mutation(seed);
    for (int i = 0; i < 100; ++i) {
      const std::string mutant = mutation.of(value);
      Chunk into;
      into.events.emplace_back(BackfillMark{1});
      const auto status = reader.read(mutant, into);
      (status ? accepted : refused) += 1;
      if (!status) {
        expect_broken(status.error());
        ASSERT_EQ(1U, into.events.size());
        ASSERT_TRUE(into.relations.empty() && into.news.empty());
      }
      ASSERT_LT(into.bytes(), 64 * mutant.size() + 1'000'000);
      sum += read_all(into);
      if (i % 10 == 0) static_cast<void>(events_as_json(mutant));
    }
    Chunk into;
    ASSERT_TRUE(reader.read(value, into));
    ASSERT_EQ(to_texts(chunk), to_texts(into)) << "seed " << seed;
  }
  EXPECT_GT(refused, 10'000U);
  EXPECT_GT(accepted, 1'000U);
  EXPECT_GT(sum, 0U);
}

TEST(HostileBytes, EveryPrefixOfAValueIsReadOrRefused) {
  RandomEvents random(5);
  Chunk chunk;
  random.append_transactions(6, chunk);
  EventWriter writer;
  for (const Event& event : chunk.events) writer.add(event, chunk);
  std::string value;
  writer.take(value);
  const auto all = to_texts(chunk);
  for (std::size_t size = 0; size < value.size(); ++size) {
    // In memory of its own, so that reading behind its end is found.
    const std::vector<char> prefix(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(size));
    EventReader reader;
    Chunk into;
    if (!reader.read({prefix.data(), prefix.size()}, into)) continue;
    const auto got = to_texts(into);
    ASSERT_LE(got.size(), all.size());
    ASSERT_TRUE(std::equal(got.begin(), got.end(), all.begin()));
  }
}

ChunkPiece piece_of(RandomEvents& random, std::size_t rows) {
  ChunkPiece piece;
  piece.id = random.number();
  piece.snapshot = {10, 20, {11, 15, 15, ~std::uint64_t{0}}};
  piece.seen = *random.relation();
  for (; piece.rows < rows; ++piece.rows) {
    piece.heaps.push_back(static_cast<std::uint32_t>(random.number()));
    const auto row = random.row(piece.seen.columns.size(), piece.arena);
    piece.values.insert(piece.values.end(), row.begin(), row.end());
  }
  piece.ends_chunk = random.below(2) == 0;
  piece.ends_table = random.below(2) == 0;
  return piece;
}

TEST(HostileBytes, PiecesAreReadOrRefused) {
  std::size_t refused = 0, sum = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    RandomEvents random(seed);
    const std::string value = encode_piece(piece_of(random, 5));
    Mutation mutation(seed);
    for (int i = 0; i < 100; ++i) {
      const std::string mutant = mutation.of(value);
      const auto piece = decode_piece(mutant);
      if (!piece) {
        ++refused;
        expect_broken(piece.error());
        continue;
      }
      ASSERT_EQ(piece->rows, piece->heaps.size());
      ASSERT_EQ(piece->rows * piece->seen.columns.size(), piece->values.size());
      for (const auto& one : piece->values) sum += std::string(one.text).size();
    }
  }
  EXPECT_GT(refused, 1'000U);
  EXPECT_GT(sum, 0U);
}

TEST(HostileBytes, CatalogsErrorsAndRequestsAreReadOrRefused) {
  const SourceTable tables[] = {described_table(1, "a"), described_table(2, "b")};
  const std::string catalog = encode_catalog(tables);
  const std::string error = encode_error({Verdict::Gap, "x", "y", "z", "t"});
  Request request;
  request.kind = Request::Kind::Chunk;
  request.chunk.table = std::make_shared<SourceTable>(tables[0]);
  request.chunk.after = {"a\xff", "b"};
  const std::string json = to_json(request);
  Mutation mutation(1);
  for (int i = 0; i < 5'000; ++i) {
    if (const auto read = decode_catalog(mutation.of(catalog)); !read) expect_broken(read.error());
    static_cast<void>(decode_error(mutation.of(error)));
    if (const auto read = request_from_json(mutation.of(json)); !read) {
      EXPECT_EQ("kafka-bad-request", read.error().code);
    }
  }
}

// A few bytes that claim a lot are refused before anything is set aside for it.
TEST(HostileBytes, ClaimsAreNotBelieved) {
  const std::string most(9, '\xff');
  const std::string huge = most + '\x01';  // 2^64 - 1
  const std::string claims[] = {
      std::string("\x01") + huge,                                                       // relations
      std::string("\x01\x01\x01") + huge,                                               // bytes of a description
      std::string("\x01\x01\x01\x0b\x01\x00\x00\x64", 8) + huge.substr(0, 7) + '\x01',  // columns
      std::string("\x01\x00T", 3) + huge,                                               // truncated relations
      std::string("\x01\x00S\x00\x00", 5) + huge,                                       // tables
      std::string("\x01\x00S\x00\x00\x00", 6) + huge,                                   // oids
      std::string("\x01\x00S\x00", 4) + huge,                                           // a tag
      std::string("\x01\x00M", 3) + most + '\x02',                                      // a number of more than 64 bits
      std::string("\x01\x00M", 3) + most + "\xff\x01",
      "",
      "\x02",
  };
  for (const auto& claim : claims) {
    EventReader reader;
    Chunk into;
    const auto status = reader.read(claim, into);
    ASSERT_FALSE(status) << fmt::format("{:?}", claim);
    expect_broken(status.error());
    EXPECT_LT(into.bytes(), 10'000U);
  }
  const std::string piece = encode_piece({});
  for (std::size_t at = 1; at < piece.size(); ++at) {
    std::string claim = piece;
    claim.replace(at, 1, huge);
    static_cast<void>(decode_piece(claim));
  }
}

// A relation of the widest row must be paid for in bytes by every row of it.
TEST(HostileBytes, WideRowsOfNothingAreRefused) {
  Relation wide;
  wide.columns.resize(100'000);
  std::string definition;
  append_relation(definition, wide);
  std::string value = "\x01\x01\x01";
  append_text(value, definition);
  for (int i = 0; i < 1'000; ++i) value += std::string("I\x01", 2);
  EventReader reader;
  Chunk into;
  ASSERT_FALSE(reader.read(value, into));
  EXPECT_LT(into.bytes(), 10 * value.size());
}

TEST(HostileBytes, EventsOutOfPlaceAreRefused) {
  const auto begin = [](Lsn lsn) { return Event(TxBegin{1, lsn, {}}); };
  const auto commit = [](Lsn lsn, Lsn end) { return Event(TxCommit{lsn, end, {}}); };
  const Event mark = BackfillMark{1};
  const std::vector<std::vector<Event>> wrong = {
      {begin(Lsn{5}), begin(Lsn{6})},
      {begin(Lsn{5}), commit(Lsn{6}, Lsn{6})},
      {begin(Lsn{5}), commit(Lsn{5}, Lsn{4})},
      {begin(Lsn{5}), commit(Lsn{5}, Lsn{5}), mark},
      {begin(Lsn{5}), commit(Lsn{5}, Lsn{5}), commit(Lsn{5}, Lsn{5})},
      {begin(Lsn{5}), commit(Lsn{5}, Lsn{5}), begin(Lsn{5})},
      {mark, begin(Lsn{5})},
  };
  for (const auto& events : wrong) {
    EventWriter writer;
    for (const Event& event : events) writer.add(event, {});
    std::string value;
    writer.take(value);
    EventReader reader;
    Chunk into;
    EXPECT_FALSE(reader.read(value, into));
    EXPECT_TRUE(into.events.empty());
  }
}

}  // namespace
}  // namespace walbridge::kafka
