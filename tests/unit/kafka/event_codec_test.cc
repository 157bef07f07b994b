// Events through the bytes of a value and back: exact, cut anywhere, begun anywhere, and stable over versions.
#include "pipeline/kafka/event_codec.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kafka/random_events.h"

namespace walbridge::kafka {
namespace {

using namespace testing;
using ::testing::HasSubstr;

std::string encode(const Chunk& chunk) {
  EventWriter writer;
  for (const Event& event : chunk.events) writer.add(event, chunk);
  std::string value;
  writer.take(value);
  return value;
}

std::vector<std::string> decode(EventReader& reader, std::string_view value) {
  Chunk chunk;
  const auto status = reader.read(value, chunk);
  EXPECT_TRUE(status) << describe(status.error());
  return to_texts(chunk);
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<std::uint8_t>(c));
  return text;
}

std::shared_ptr<const Relation> orders() {
  auto relation = std::make_shared<Relation>();
  relation->oid = 16'400;
  relation->schema = "public";
  relation->name = "orders";
  relation->replica_identity = ReplicaIdentity::Default;
  relation->columns = {{"id", 20, -1, true}, {"note", 25, -1, false}};
  return relation;
}

// One transaction of `relation` with the given values of "id".
Chunk inserts(const std::shared_ptr<const Relation>& relation, std::uint64_t lsn, std::size_t rows) {
  Chunk chunk;
  chunk.relations.push_back(relation);
  chunk.events.emplace_back(TxBegin{1, Lsn{lsn}, {}});
  for (std::size_t i = 0; i < rows; ++i) {
    RowChange change;
    change.relation = relation.get();
    const auto row = chunk.arena.array<WireValue>(relation->columns.size());
    row[0] = {WireValue::Kind::Text, chunk.arena.copy(std::to_string(i))};
    change.new_row = row;
    chunk.events.emplace_back(change);
  }
  chunk.events.emplace_back(TxCommit{Lsn{lsn}, Lsn{lsn + 8}, {}});
  return chunk;
}

// What stands in topics stays readable: these bytes never change without another version.
TEST(EventCodec, FormatIsStable) {
  const auto relation = orders();
  Chunk chunk;
  chunk.relations.push_back(relation);
  chunk.events.emplace_back(TxBegin{700, Lsn{0x16'B374'D848}, Timestamp{1'000'000}});
  const auto row = chunk.arena.array<WireValue>(2);
  row[0] = {WireValue::Kind::Text, "7"};
  row[1] = {WireValue::Kind::Unchanged, {}};
  const auto key = chunk.arena.array<WireValue>(2);
  key[0] = {WireValue::Kind::Text, ""};
  chunk.events.emplace_back(RowChange{RowChange::Op::Update, RowChange::Old::Key, relation.get(), key, row});
  chunk.events.emplace_back(BackfillMark{300});
  chunk.events.emplace_back(TxCommit{Lsn{0x16'B374'D848}, Lsn{0x16'B374'D880}, Timestamp{-1}});
  EXPECT_EQ(
      "01"  // version of the value
      "01"  // one relation:
      "01"
      "21"  // number 1, 33 bytes
      "908001"
      "067075626c6963"
      "066f7264657273"
      "64"
      "02"  // oid, schema, name, identity d, two columns
      "026964"
      "14"
      "01"
      "01"  // id, type 20, typmod -1, key
      "046e6f7465"
      "19"
      "01"
      "00"  // note, type 25, typmod -1
      "42"
      "bc05"
      "c8b0d39beb02"
      "80897a"  // B xid, commit position, microseconds
      "56"
      "01"
      "02"
      "00"
      "03"
      "37"
      "01"  // V relation 1: "", NULL; "7", unchanged
      "4d"
      "ac02"  // M chunk
      "43"
      "c8b0d39beb02"
      "80b1d39beb02"
      "01",  // C commit position, end, -1
      hex(encode(chunk)));
}

TEST(EventCodec, RoundTripOfAnything) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomEvents random(seed);
    Chunk chunk;
    random.append_transactions(1 + seed % 7, chunk);
    EventReader reader;
    ASSERT_EQ(to_texts(chunk), decode(reader, encode(chunk))) << "seed " << seed;
  }
}

TEST(EventCodec, NumbersOfTheWholeRange) {
  constexpr auto kMost = ~std::uint64_t{0};
  Chunk chunk;
  chunk.events.emplace_back(TxBegin{0xFFFF'FFFF, Lsn{kMost}, {std::numeric_limits<std::int64_t>::min()}});
  chunk.events.emplace_back(BackfillMark{kMost});
  chunk.events.emplace_back(TxCommit{Lsn{kMost}, Lsn{kMost}, {std::numeric_limits<std::int64_t>::max()}});
  EventReader reader;
  EXPECT_EQ(to_texts(chunk), decode(reader, encode(chunk)));
}

// Both sides of every cut are whole values, also for a reader that saw nothing before.
TEST(EventCodec, CutAnywhere) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    RandomEvents random(seed);
    Chunk chunk;
    random.append_transactions(4, chunk);
    const auto all = to_texts(chunk);
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
      EventWriter writer;
      EventWriter::Place place;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (i == cut) place = writer.place();
        writer.add(chunk.events[i], chunk);
      }
      if (cut == all.size()) place = writer.place();
      std::string front, back;
      writer.take(place, front);
      EXPECT_EQ(cut == all.size(), writer.empty());
      const auto expected_size = writer.bytes();
      writer.take(back);
      EXPECT_NEAR(static_cast<double>(back.size()), static_cast<double>(expected_size), 12);
      EventReader first, second;
      auto got = decode(first, front);
      ASSERT_EQ(cut, got.size()) << "seed " << seed;
      const auto rest = decode(second, back);
      got.insert(got.end(), rest.begin(), rest.end());
      ASSERT_EQ(all, got) << "seed " << seed << ", cut at " << cut;
    }
  }
}

TEST(EventCodec, ManyCutsInARow) {
  RandomEvents random(7);
  Chunk chunk;
  random.append_transactions(200, chunk);
  const auto all = to_texts(chunk);
  EventWriter writer;
  std::vector<std::string> got;
  std::string value;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto place = writer.place();
    writer.add(chunk.events[i], chunk);
    if (random.below(3) != 0) continue;
    writer.take(random.below(2) == 0 ? place : writer.place(), value);
    EventReader reader;  // begins anywhere
    const auto part = decode(reader, value);
    got.insert(got.end(), part.begin(), part.end());
    taken += part.size();
  }
  writer.take(value);
  EventReader reader;
  const auto part = decode(reader, value);
  got.insert(got.end(), part.begin(), part.end());
  EXPECT_GT(taken, 0U);
  EXPECT_EQ(all, got);
}

// A value describes what its own events refer to, and nothing else.
TEST(EventCodec, OnlyWhatIsUsedIsDescribed) {
  const auto first = orders();
  auto other = std::make_shared<Relation>(*orders());
  other->name = "others";
  const Chunk a = inserts(first, 100, 3);
  const Chunk b = inserts(other, 200, 3);
  EventWriter writer;
  for (const Event& event : a.events) writer.add(event, a);
  const auto place = writer.place();
  for (const Event& event : b.events) writer.add(event, b);
  std::string front, back;
  writer.take(place, front);
  writer.take(back);
  EXPECT_THAT(front, HasSubstr("orders"));
  EXPECT_EQ(std::string::npos, front.find("others"));
  EXPECT_THAT(back, HasSubstr("others"));
  EXPECT_EQ(std::string::npos, back.find("orders"));
}

TEST(EventReader, SameDescriptionIsTheSameObject) {
  const auto relation = orders();
  EventReader reader;
  EventWriter writer;
  std::string value;
  const Relation* seen = nullptr;
  Chunk into;
  for (std::uint64_t lsn = 100; lsn < 105; ++lsn) {
    const Chunk chunk = inserts(relation, lsn, 2);
    for (const Event& event : chunk.events) writer.add(event, chunk);
    writer.take(value);
    const auto status = reader.read(value, into);
    ASSERT_TRUE(status) << describe(status.error());
    const auto* now = std::get<RowChange>(into.events[into.events.size() - 2]).relation;
    EXPECT_TRUE(seen == nullptr || seen == now);
    seen = now;
  }
  EXPECT_EQ(1U, into.relations.size());  // once per chunk
  Chunk another;
  ASSERT_TRUE(reader.read(value, another));
  ASSERT_EQ(1U, another.relations.size());
  EXPECT_EQ(seen, another.relations[0].get());
}

// What a later writer calls by an old number is another relation; the chunks of the earlier one still hold theirs.
TEST(EventReader, OtherDescriptionReplacesTheNumber) {
  const auto before = orders();
  auto changed = std::make_shared<Relation>(*before);
  changed->columns[1].name = "remark";
  EventReader reader;
  Chunk first, second;
  ASSERT_TRUE(reader.read(encode(inserts(before, 100, 1)), first));
  ASSERT_TRUE(reader.read(encode(inserts(changed, 200, 1)), second));
  EXPECT_EQ(to_text(*before), to_text(*std::get<RowChange>(first.events[1]).relation));
  EXPECT_EQ(to_text(*changed), to_text(*std::get<RowChange>(second.events[1]).relation));
  ASSERT_TRUE(reader.read(encode(inserts(before, 300, 1)), first));
  EXPECT_EQ(2U, first.relations.size());
  EXPECT_EQ(to_text(*before), to_text(*std::get<RowChange>(first.events[4]).relation));
}

TEST(EventReader, EmptyTextIsNotNull) {
  const auto relation = orders();
  Chunk chunk = inserts(relation, 100, 1);
  const auto row = chunk.arena.array<WireValue>(2);
  row[0] = {WireValue::Kind::Text, ""};
  std::get<RowChange>(chunk.events[1]).new_row = row;
  Chunk into;
  EventReader reader;
  ASSERT_TRUE(reader.read(encode(chunk), into));
  const auto got = std::get<RowChange>(into.events[1]).new_row;
  EXPECT_EQ(WireValue::Kind::Text, got[0].kind);
  EXPECT_NE(nullptr, got[0].text.data());
  EXPECT_EQ(WireValue::Kind::Null, got[1].kind);
}

// Relations that come and go for ever are forgotten, and what comes again is right.
TEST(EventCodec, RelationsWithoutEnd) {
  EventWriter writer;
  EventReader reader;
  std::string value;
  const auto kept = orders();
  for (std::uint32_t i = 0; i < 3'000; ++i) {
    auto passing = std::make_shared<Relation>(*kept);
    passing->oid = i + 1;
    for (int column = 0; column < 400; ++column) passing->columns.push_back({"a column of some length", 25, -1, false});
    const Chunk a = inserts(passing, 10 * i + 1, 1);
    const Chunk b = inserts(kept, 10 * i + 2, 1);
    for (const Event& event : a.events) writer.add(event, a);
    for (const Event& event : b.events) writer.add(event, b);
    writer.take(value);
    Chunk into;
    const auto status = reader.read(value, into);
    ASSERT_TRUE(status) << describe(status.error());
    ASSERT_EQ(i + 1, std::get<RowChange>(into.events[1]).relation->oid);
    ASSERT_EQ(kept->oid, std::get<RowChange>(into.events[4]).relation->oid);
  }
}

TEST(EventsJson, ReadsLikeTheChange) {
  const auto relation = orders();
  Chunk chunk;
  chunk.relations.push_back(relation);
  chunk.events.emplace_back(TxBegin{700, Lsn{0x16'B374'D848}, Timestamp{1'000'000}});
  const auto row = chunk.arena.array<WireValue>(2);
  row[0] = {WireValue::Kind::Text, "7\"\n"};
  row[1] = {WireValue::Kind::Unchanged, {}};
  const auto old = chunk.arena.array<WireValue>(2);
  old[0] = {WireValue::Kind::Text, "8"};
  chunk.events.emplace_back(RowChange{RowChange::Op::Update, RowChange::Old::Key, relation.get(), old, row});
  chunk.events.emplace_back(RowChange{RowChange::Op::Delete, RowChange::Old::Full, relation.get(), old, {}});
  const Relation* const truncated[] = {relation.get()};
  chunk.events.emplace_back(Truncated{truncated});
  chunk.events.emplace_back(TxCommit{Lsn{0x16'B374'D848}, Lsn{0x16'B374'D880}, Timestamp{1'000'000}});
  const auto json = events_as_json(encode(chunk));
  ASSERT_TRUE(json);
  EXPECT_EQ(
      R"([{"op":"begin","xid":700,"lsn":"16/B374D848","at":"1970-01-01T00:00:01.000000+00:00"},)"
      R"({"op":"update","table":"public.orders","new":{"id":"7\"\n","note":{"unchanged":true}},"old":{"id":"8"}},)"
      R"({"op":"delete","table":"public.orders","old":{"id":"8","note":null}},)"
      R"({"op":"truncate","tables":["public.orders"]},)"
      R"({"op":"commit","lsn":"16/B374D848","end_lsn":"16/B374D880","at":"1970-01-01T00:00:01.000000+00:00"}])",
      *json);
  EXPECT_FALSE(events_as_json("not a value"));
}

}  // namespace
}  // namespace walbridge::kafka
