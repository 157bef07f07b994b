#include <algorithm>
#include <variant>

#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/event_tags.h"
#include "pipeline/kafka/value_bytes.h"

namespace walbridge::kafka {
namespace {

// Above it, relations that were described long ago are forgotten; one that comes again gets another number.
constexpr std::size_t kMostKnownBytes = 8U << 20;
// A buffer that grew beyond it for one large value is given back.
constexpr std::size_t kMostKeptBytes = 4U << 20;

void append_tag(std::string& to, EventTag tag) { to += static_cast<char>(tag); }

EventTag tag_of(const RowChange& change) {
  const bool whole = change.old_kind == RowChange::Old::Full;
  switch (change.op) {
    case RowChange::Op::Insert:
      return EventTag::Insert;
    case RowChange::Op::Update:
      if (change.old_kind == RowChange::Old::None) return EventTag::Update;
      return whole ? EventTag::UpdateOfWhole : EventTag::UpdateOfKey;
    case RowChange::Op::Delete:
      break;
  }
  return whole ? EventTag::DeleteByWhole : EventTag::DeleteByKey;
}

void append_oids(std::string& to, const std::vector<std::uint32_t>& oids) {
  append_number(to, oids.size());
  for (const std::uint32_t oid : oids) append_number(to, oid);
}

}  // namespace

EventWriter::Known& EventWriter::know(const Relation& relation, const Chunk& owner) {
  Known& known = known_[&relation];
  if (known.number != 0) return known;
  known.relation = *std::find_if(owner.relations.begin(), owner.relations.end(),
                                 [&](const auto& kept) { return kept.get() == &relation; });
  known.number = next_number_++;
  std::string definition;
  append_relation(definition, relation);
  append_number(known.description, known.number);
  append_text(known.description, definition);
  known_bytes_ += known.description.size();
  return known;
}

void EventWriter::count(Known& known) {
  if (known.counted_in == generation_) return;
  known.counted_in = generation_;
  described_bytes_ += known.description.size();
}

// The number of `relation`, to which the event that begins at `at` refers.
std::uint64_t EventWriter::use(const Relation& relation, std::size_t at, const Chunk& owner) {
  if (uses_.empty() || uses_.back().known->relation.get() != &relation) {
    Known& known = know(relation, owner);
    count(known);
    uses_.push_back({&known, at});
  }
  uses_.back().last = at;
  return uses_.back().known->number;
}

void EventWriter::add(const Event& event, const Chunk& owner) {
  if (const auto* change = std::get_if<RowChange>(&event)) {
    add_change(*change, owner);
  } else if (const auto* begin = std::get_if<TxBegin>(&event)) {
    append_tag(body_, EventTag::Begin);
    append_number(body_, begin->xid);
    append_number(body_, begin->commit_lsn.value);
    append_signed(body_, begin->committed_at.micros);
  } else if (const auto* commit = std::get_if<TxCommit>(&event)) {
    append_tag(body_, EventTag::Commit);
    append_number(body_, commit->commit_lsn.value);
    append_number(body_, commit->end_lsn.value);
    append_signed(body_, commit->committed_at.micros);
  } else if (const auto* truncated = std::get_if<Truncated>(&event)) {
    const std::size_t at = body_.size();
    append_tag(body_, EventTag::Truncate);
    append_number(body_, truncated->relations.size());
    for (const Relation* relation : truncated->relations) append_number(body_, use(*relation, at, owner));
  } else if (const auto* changed = std::get_if<SchemaChanged>(&event)) {
    add_news(*changed->news);
  } else if (const auto* mark = std::get_if<BackfillMark>(&event)) {
    append_tag(body_, EventTag::Mark);
    append_number(body_, mark->chunk);
  }
}

void EventWriter::add_change(const RowChange& change, const Chunk& owner) {
  const std::uint64_t number = use(*change.relation, body_.size(), owner);
  append_tag(body_, tag_of(change));
  append_number(body_, number);
  if (change.old_kind != RowChange::Old::None) append_row(body_, change.old_row);
  if (change.op != RowChange::Op::Delete) append_row(body_, change.new_row);
}

void EventWriter::add_news(const SchemaNews& news) {
  append_tag(body_, EventTag::Schema);
  body_ += static_cast<char>((news.late ? kNewsLate : 0) | (news.incomplete ? kNewsIncomplete : 0));
  append_text(body_, news.tag);
  append_number(body_, news.tables.size());
  for (const auto& table : news.tables) append_table(body_, *table);
  append_oids(body_, news.gone);
  append_oids(body_, news.rewritten);
  append_oids(body_, news.requested);
}

std::size_t EventWriter::bytes() const { return 1 + kLongestNumber + described_bytes_ + body_.size(); }

void EventWriter::take(Place until, std::string& into) {
  into.clear();
  ++generation_;
  to_describe_.clear();
  for (std::size_t i = 0; i < until.uses; ++i) {
    Known& known = *uses_[i].known;
    if (known.counted_in == generation_) continue;
    known.counted_in = generation_;
    to_describe_.push_back(&known);
  }
  into += static_cast<char>(kValueVersion);
  append_number(into, to_describe_.size());
  for (const Known* known : to_describe_) into += known->description;
  into.append(body_, 0, until.body);

  if (until.body == body_.size()) return clear();
  body_.erase(0, until.body);
  // Events that follow each other may lie on both sides of the cut.
  const bool spans = until.uses > 0 && uses_[until.uses - 1].last >= until.body;
  uses_.erase(uses_.begin(), uses_.begin() + static_cast<std::ptrdiff_t>(until.uses - (spans ? 1 : 0)));
  ++generation_;
  described_bytes_ = 0;
  for (Use& kept : uses_) {
    kept.last -= until.body;
    count(*kept.known);
  }
}

void EventWriter::clear() {
  body_.clear();
  if (body_.capacity() > kMostKeptBytes) body_.shrink_to_fit();
  uses_.clear();
  ++generation_;
  described_bytes_ = 0;
  if (known_bytes_ <= kMostKnownBytes) return;
  known_.clear();
  known_bytes_ = 0;
}

}  // namespace walbridge::kafka
