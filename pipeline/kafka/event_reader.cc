#include <algorithm>
#include <optional>

#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/event_tags.h"
#include "pipeline/kafka/value_bytes.h"

namespace walbridge::kafka {
namespace {

// Above it, relations that the value at hand does not describe are forgotten.
constexpr std::size_t kMostKnownBytes = 16U << 20;
constexpr std::size_t kKnownCost = 512;      // of a relation, besides its words
constexpr std::size_t kLeastRelation = 2;    // bytes
constexpr std::size_t kLeastNewsTable = 10;  // bytes
constexpr const char* kTooShort = "it ends in the middle, or a length in it is wrong";

bool read_oids(ByteCursor& from, std::vector<std::uint32_t>& into) {
  into.resize(from.count());
  for (std::uint32_t& oid : into) oid = from.number_of<std::uint32_t>();
  return !from.failed();
}

std::optional<RowChange> change_of(std::uint8_t tag) {
  using Op = RowChange::Op;
  using Old = RowChange::Old;
  const auto change = [](Op op, Old old) {
    RowChange made;
    made.op = op;
    made.old_kind = old;
    return made;
  };
  switch (static_cast<EventTag>(tag)) {
    case EventTag::Insert:
      return change(Op::Insert, Old::None);
    case EventTag::Update:
      return change(Op::Update, Old::None);
    case EventTag::UpdateOfKey:
      return change(Op::Update, Old::Key);
    case EventTag::UpdateOfWhole:
      return change(Op::Update, Old::Full);
    case EventTag::DeleteByKey:
      return change(Op::Delete, Old::Key);
    case EventTag::DeleteByWhole:
      return change(Op::Delete, Old::Full);
    default:
      return std::nullopt;
  }
}

}  // namespace

struct EventReader::Frame {
  enum class At { Unknown, Inside, Between };
  At at = At::Unknown;
  std::optional<Lsn> open;  // commit_lsn of the transaction that began in this value
  std::optional<Lsn> last;  // … of the last one that ended in it

  bool begin(Lsn commit_lsn) {
    if (at == At::Inside || (last && commit_lsn <= *last)) return false;
    at = At::Inside;
    open = commit_lsn;
    return true;
  }
  bool inside() {
    if (at == At::Unknown) at = At::Inside;
    return at == At::Inside;
  }
  bool commit(Lsn commit_lsn, Lsn end_lsn) {
    if (!inside() || end_lsn < commit_lsn || (open && commit_lsn != *open)) return false;
    at = At::Between;
    open.reset();
    last = commit_lsn;
    return true;
  }
};

Status EventReader::read(std::string_view value, Chunk& into) {
  const std::size_t events = into.events.size();
  const std::size_t relations = into.relations.size();
  const std::size_t news = into.news.size();
  ++reads_;
  last_relation_ = nullptr;
  const char* const wrong = read_value(value, into);
  if (known_bytes_ > kMostKnownBytes) forget_idle();
  if (wrong == nullptr) return {};
  into.events.resize(events);
  into.relations.resize(relations);
  into.news.resize(news);
  return broken_record(wrong);
}

const char* EventReader::read_value(std::string_view value, Chunk& into) {
  ByteCursor head(value);
  if (head.byte() != kValueVersion) return "it does not begin as one that walbridge wrote";
  if (const char* wrong = read_relations(head, into)) return wrong;
  ByteCursor events(into.arena.copy(head.rest()));
  Frame frame;
  while (!events.at_end()) {
    if (const char* wrong = read_event(events, frame, into)) return wrong;
  }
  return nullptr;
}

const char* EventReader::read_relations(ByteCursor& from, Chunk& into) {
  for (std::size_t left = from.count(kLeastRelation); left > 0; --left) {
    const std::uint64_t number = from.number();
    const std::string_view definition = from.text();
    if (from.failed()) return kTooShort;
    Known& known = known_[number];
    if (known.described_in == reads_) return "it describes a relation twice";
    if (known.relation == nullptr || known.definition != definition) {
      auto relation = std::make_shared<Relation>();
      ByteCursor inner(definition);
      if (!read_relation(inner, *relation) || !inner.at_end()) return "a relation's description in it cannot be read";
      known_bytes_ += definition.size() + kKnownCost;
      if (known.relation != nullptr) known_bytes_ -= known.definition.size() + kKnownCost;
      known.definition = definition;
      known.relation = std::move(relation);
    }
    known.described_in = reads_;
    const bool kept = known.kept_at < into.relations.size() && into.relations[known.kept_at] == known.relation;
    if (kept) continue;
    known.kept_at = into.relations.size();
    into.relations.push_back(known.relation);
  }
  return from.failed() ? kTooShort : nullptr;
}

const Relation* EventReader::relation(std::uint64_t number) {
  if (last_relation_ != nullptr && last_number_ == number) return last_relation_;
  const auto found = known_.find(number);
  if (found == known_.end() || found->second.described_in != reads_) return nullptr;
  last_number_ = number;
  return last_relation_ = found->second.relation.get();
}

const char* EventReader::read_event(ByteCursor& from, Frame& frame, Chunk& into) {
  constexpr const char* kOutOfPlace = "an event in it is out of place";
  const std::uint8_t tag = from.byte();
  if (tag == static_cast<std::uint8_t>(EventTag::Begin)) {
    TxBegin begin;
    begin.xid = from.number_of<std::uint32_t>();
    begin.commit_lsn.value = from.number();
    begin.committed_at.micros = from.signed_number();
    if (from.failed()) return kTooShort;
    if (!frame.begin(begin.commit_lsn)) return kOutOfPlace;
    into.events.emplace_back(begin);
    return nullptr;
  }
  if (tag == static_cast<std::uint8_t>(EventTag::Commit)) {
    TxCommit commit;
    commit.commit_lsn.value = from.number();
    commit.end_lsn.value = from.number();
    commit.committed_at.micros = from.signed_number();
    if (from.failed()) return kTooShort;
    if (!frame.commit(commit.commit_lsn, commit.end_lsn)) return kOutOfPlace;
    into.events.emplace_back(commit);
    return nullptr;
  }
  if (!frame.inside()) return kOutOfPlace;
  switch (static_cast<EventTag>(tag)) {
    case EventTag::Truncate:
      return read_truncated(from, into);
    case EventTag::Schema:
      return read_news(from, into);
    case EventTag::Mark:
      into.events.emplace_back(BackfillMark{from.number()});
      return from.failed() ? kTooShort : nullptr;
    default:
      return read_change(tag, from, into);
  }
}

const char* EventReader::read_change(std::uint8_t tag, ByteCursor& from, Chunk& into) {
  std::optional<RowChange> change = change_of(tag);
  if (!change) return "an event in it is of an unknown kind";
  change->relation = relation(from.number());
  if (change->relation == nullptr) return "a change in it is of a relation that it does not describe";
  const std::size_t columns = change->relation->columns.size();
  const auto row = [&](std::span<const WireValue>& to) {
    if (columns > from.left()) return false;
    const std::span<WireValue> values = into.arena.array<WireValue>(columns);
    to = values;
    return read_row(from, values);
  };
  if (change->old_kind != RowChange::Old::None && !row(change->old_row)) return kTooShort;
  if (change->op != RowChange::Op::Delete && !row(change->new_row)) return kTooShort;
  into.events.emplace_back(*change);
  return nullptr;
}

const char* EventReader::read_truncated(ByteCursor& from, Chunk& into) {
  const std::span<const Relation*> relations = into.arena.array<const Relation*>(from.count());
  for (const Relation*& truncated : relations) {
    truncated = relation(from.number());
    if (truncated == nullptr) return "it truncates a relation that it does not describe";
  }
  if (from.failed()) return kTooShort;
  into.events.emplace_back(Truncated{relations});
  return nullptr;
}

const char* EventReader::read_news(ByteCursor& from, Chunk& into) {
  auto news = std::make_shared<SchemaNews>();
  const std::uint8_t flags = from.byte();
  if (flags > (kNewsLate | kNewsIncomplete)) return "news of the schema in it are of an unknown kind";
  news->late = (flags & kNewsLate) != 0;
  news->incomplete = (flags & kNewsIncomplete) != 0;
  news->tag = from.text();
  for (std::size_t left = from.count(kLeastNewsTable); left > 0; --left) {
    SourceTable table;
    if (!read_table(from, table)) return "a table's description in it cannot be read";
    news->tables.push_back(std::make_shared<const SourceTable>(std::move(table)));
  }
  const bool whole =
      read_oids(from, news->gone) && read_oids(from, news->rewritten) && read_oids(from, news->requested);
  if (!whole || from.failed()) return kTooShort;
  into.news.push_back(std::move(news));
  into.events.emplace_back(SchemaChanged{into.news.back().get()});
  return nullptr;
}

void EventReader::forget_idle() {
  std::erase_if(known_, [&](const auto& entry) { return entry.second.described_in != reads_; });
  known_bytes_ = 0;
  for (const auto& [number, known] : known_) known_bytes_ += known.definition.size() + kKnownCost;
}

}  // namespace walbridge::kafka
