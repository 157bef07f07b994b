#include "pipeline/kafka/topic_source.h"

#include <algorithm>
#include <utility>

#include "pipeline/api/log.h"
#include "pipeline/source_gap.h"

namespace walbridge::kafka {
namespace {

// A writer that begins writes its first record behind everything an older one had queued; some of that may come later.
constexpr std::int64_t kLookBack = 32;
constexpr std::int64_t kMostLookBackMs = 10'000;

}  // namespace

Status TopicSource::start(StreamPosition from) {
  stop();
  if (from.offset < 0) {
    return gap("kafka-no-place", "the cache does not say where in the topic it stands (it was fed without Kafka)");
  }
  WALBRIDGE_TRY_AS(const LogRange range, reader_->range());
  const auto window = "[" + std::to_string(range.low) + ", " + std::to_string(range.next) + ")";
  if (from.offset < range.low) {
    return gap("kafka-retention",
               "record " + std::to_string(from.offset) + " is gone: the topic holds " + window + " (retention)");
  }
  if (from.offset > range.next) {
    return gap("kafka-rewound", "record " + std::to_string(from.offset) + " is not there: the topic holds " + window +
                                    " (it was deleted and made again, or rewound)");
  }
  position_ = from.lsn;
  next_offset_ = from.offset;
  idle_offset_ = -1;
  idle_position_ = {};
  epoch_ = 0;
  sliced_.clear();
  next_slice_ = 0;
  parts_open_ = parts_skipped_ = false;
  WALBRIDGE_TRY(look_back(from.offset, range));
  WALBRIDGE_TRY(reader_->seek(from.offset));
  heard_ms_ = clock_.now_ms();
  stats_.end_offset = range.next;
  stats_.next_offset = from.offset;
  streaming_ = true;
  return Done{};
}

// The records before the place must be of this stream and lead to it: a log that was made anew may well be longer.
Status TopicSource::look_back(std::int64_t offset, const LogRange& range) {
  auto at = std::max(range.low, offset - kLookBack);
  if (at == offset) return Done{};
  WALBRIDGE_TRY(reader_->seek(at));
  const auto give_up_ms = clock_.now_ms() + kMostLookBackMs;
  bool heard = false;
  while (at < offset) {
    WALBRIDGE_TRY_AS(const auto record, reader_->next());
    if (!record) {
      if (reader_->at_end()) break;
      if (clock_.now_ms() > give_up_ms) {
        return Error{Verdict::Retry, "kafka-unreachable", "topic " + topic_ + " is not delivered", {}, {}};
      }
      reader_->wait(std::chrono::milliseconds(100), true);
      continue;
    }
    at = record->offset + 1;
    if (record->offset >= offset) break;
    WALBRIDGE_TRY_AS(const RecordHead head, head_of(*record, topic_));
    heard = true;
    epoch_ = std::max(epoch_, head.epoch);
    if (record->offset == offset - 1) {
      WALBRIDGE_TRY(check_stream(head, record->offset));
      const bool behind = head.epoch == epoch_ && head.kind != RecordKind::Part && head.to > position_;
      if (behind)
        return gap("kafka-rewound", "what lies before record " + std::to_string(offset) + " is not what the cache has");
    }
  }
  if (!heard) return Error{Verdict::Retry, "kafka-unreachable", "topic " + topic_ + " is not delivered", {}, {}};
  return Done{};
}

Status TopicSource::check_stream(const RecordHead& head, std::int64_t offset) const {
  const auto found = head.source_id + "@" + head.stream;
  if (found == expected_) return Done{};
  return gap("kafka-other-stream", "record " + std::to_string(offset) + " belongs to stream " + found +
                                       ", the cache was filled from " + expected_);
}

Result<bool> TopicSource::poll(Chunk& into, std::size_t budget_bytes) {
  if (!streaming_) return Error{Verdict::Retry, "closed", "the stream is closed", {}, {}};
  bool took = false;
  if (into.events.empty()) {  // what was skipped counts for nothing, or a chunk would be full without holding anything
    into.arena.clear();
    into.relations.clear();
    into.news.clear();
  }
  do {
    if (!parts_open_ && copies_.has_room && !copies_.has_room()) break;
    auto record = reader_->next();
    if (!record) return std::move(record.error());
    stats_.end_offset = reader_->known_end();
    stats_.at_end = reader_->at_end();
    if (!*record) break;
    took = true;
    WALBRIDGE_TRY(take(**record, into));
  } while (into.bytes() < budget_bytes);
  if (!parts_open_ && reader_->at_end()) yield_idle(into);
  return took;
}

// Between transactions, and nothing more is there: what was yielded is all, and this is where to go on.
void TopicSource::yield_idle(Chunk& into) {
  if (idle_offset_ == next_offset_ && idle_position_ == position_) return;
  idle_offset_ = next_offset_;
  idle_position_ = position_;
  into.events.emplace_back(IdlePosition{position_, next_offset_});
}

Status TopicSource::take(const LogRecord& record, Chunk& into) {
  WALBRIDGE_TRY_AS(const RecordHead head, head_of(record, topic_));
  const auto next = record.offset + 1;
  stats_.next_offset = next;
  if (head.epoch < epoch_) {  // of a writer that has been replaced
    if (!parts_open_ && next_slice_ == 0) next_offset_ = next;
    return Done{};
  }
  WALBRIDGE_TRY(check_stream(head, record.offset));
  if (head.epoch > epoch_) {
    next_slice_ = 0;
    sliced_.clear();
    if (parts_open_ && !parts_skipped_) return cut_off();
    parts_open_ = parts_skipped_ = false;
    epoch_ = head.epoch;
  }
  heard_ms_ = clock_.now_ms();
  stats_.heard_micros = clock_.wall().micros;
  stats_.produced_micros = record.timestamp_ms * 1000;
  if (head.slices <= 1) return on_record(head, record.value, record.offset, next, into);
  if (head.slice == 0) {
    sliced_.assign(record.value);
    sliced_head_ = head;
    sliced_first_ = record.offset;
    next_slice_ = 1;
  } else if (head.slice == next_slice_ && head.writer == sliced_head_.writer) {
    sliced_.append(record.value);
    ++next_slice_;
  } else {
    return gap("kafka-hole", "slices are missing before record " + std::to_string(record.offset));
  }
  if (next_slice_ < head.slices) return Done{};
  next_slice_ = 0;
  const auto done = on_record(head, sliced_, sliced_first_, next, into);
  sliced_ = {};
  return done;
}

Status TopicSource::on_record(const RecordHead& head, std::string_view value, std::int64_t first, std::int64_t next,
                              Chunk& into) {
  if (head.kind == RecordKind::Part) return on_part(head, value, first, next, into);
  const bool inside_parts = head.kind == RecordKind::Chunk || head.kind == RecordKind::Answer;
  if (parts_open_ && !inside_parts) {  // its writer began again
    if (!parts_skipped_) return cut_off();
    parts_open_ = parts_skipped_ = false;
  }
  if (head.kind == RecordKind::Chunk) on_copy(head, value);
  if (head.from > position_) {
    return gap("kafka-hole", "record " + std::to_string(first) + " continues at " + to_string(head.from) +
                                 ", the cache stands at " + to_string(position_));
  }
  if (head.kind == RecordKind::Block && head.to > position_) {
    WALBRIDGE_TRY(on_events(head, value, first, next, into));
  }
  if (!parts_open_) {
    position_ = std::max(position_, head.to);
    next_offset_ = next;
  }
  return Done{};
}

// What is read between two records must be whole transactions, whoever wrote them.
Status TopicSource::check_frame(const Chunk& into, std::size_t before, bool begins, bool ends,
                                std::int64_t offset) const {
  const auto& events = into.events;
  const bool empty = events.size() == before;
  const bool begun = !empty && std::holds_alternative<TxBegin>(events[before]);
  const bool ended = !empty && std::holds_alternative<TxCommit>(events.back());
  if (begun == begins && ended == ends) return Done{};
  return Error{Verdict::Operator,
               "kafka-broken-record",
               "topic " + topic_ + ": record " + std::to_string(offset) + " does not hold what its headers say",
               "see who else writes into the topic",
               {}};
}

// Whole transactions. Those that were there before are told by their place.
Status TopicSource::on_events(const RecordHead& head, std::string_view value, std::int64_t first, std::int64_t next,
                              Chunk& into) {
  if (head.writer != events_writer_) {
    events_ = {};
    events_writer_ = head.writer;
  }
  const auto before = into.events.size();
  WALBRIDGE_TRY(events_.read(value, into));
  WALBRIDGE_TRY(check_frame(into, before, true, true, first));
  const auto begin = into.events.begin() + static_cast<std::ptrdiff_t>(before);
  if (head.from < position_) {
    bool known = false;
    const auto rest = std::remove_if(begin, into.events.end(), [&](const Event& event) {
      if (const auto* opened = std::get_if<TxBegin>(&event)) known = opened->commit_lsn < position_;
      return known;
    });
    into.events.erase(rest, into.events.end());
  }
  TxCommit* last = nullptr;
  for (auto at = into.events.begin() + static_cast<std::ptrdiff_t>(before); at != into.events.end(); ++at) {
    if (auto* commit = std::get_if<TxCommit>(&*at)) {
      commit->resume_offset = first;
      last = commit;
    }
  }
  if (last != nullptr) {
    last->resume_offset = next;
    stats_.committed_micros = last->committed_at.micros;
    stats_.publish_lag_micros = std::max<std::int64_t>(0, stats_.produced_micros - last->committed_at.micros);
  }
  return Done{};
}

Status TopicSource::on_part(const RecordHead& head, std::string_view value, std::int64_t first, std::int64_t next,
                            Chunk& into) {
  if (head.part == 0) {
    if (parts_open_ && !parts_skipped_) return cut_off();
    if (head.from > position_) {
      return gap("kafka-hole", "record " + std::to_string(first) + " continues at " + to_string(head.from) +
                                   ", the cache stands at " + to_string(position_));
    }
    parts_open_ = true;
    parts_skipped_ = dead_parts_.contains({first, head.writer});
    parts_writer_ = head.writer;
    parts_first_ = first;
    next_part_ = 0;
  }
  if (!parts_open_ || head.part != next_part_ || head.writer != parts_writer_) {
    return gap("kafka-hole", "parts of a transaction are missing before record " + std::to_string(first));
  }
  ++next_part_;
  const auto before = into.events.size();
  if (!parts_skipped_) {
    if (head.writer != events_writer_) {
      events_ = {};
      events_writer_ = head.writer;
    }
    WALBRIDGE_TRY(events_.read(value, into));
    WALBRIDGE_TRY(check_frame(into, before, head.part == 0, head.last, first));
    if (head.part == 0 && into.events.size() > before) {
      const auto* opened = std::get_if<TxBegin>(&into.events[before]);
      if (opened != nullptr && opened->commit_lsn < position_) {
        parts_skipped_ = true;
        into.events.resize(before);
      }
    }
  }
  if (!head.last) return Done{};
  if (!parts_skipped_ && into.events.size() > before) {
    if (auto* commit = std::get_if<TxCommit>(&into.events.back())) {
      commit->resume_offset = next;
      stats_.committed_micros = commit->committed_at.micros;
    }
  }
  parts_open_ = parts_skipped_ = false;
  position_ = std::max(position_, head.to);
  next_offset_ = next;
  return Done{};
}

// The caches roll back to where they stand and read again, without what has no end.
Error TopicSource::cut_off() {
  dead_parts_.insert({parts_first_, parts_writer_});
  parts_open_ = false;
  return {Verdict::Retry, "kafka-cut-off", "a publisher went away in the middle of a transaction", {}, {}};
}

void TopicSource::on_copy(const RecordHead& head, std::string_view value) const {
  if (!copies_.wanted || !copies_.wanted(head.request)) return;
  if (head.failed) {
    copies_.deliver(decode_error(value), head.request);
    return;
  }
  copies_.deliver(decode_piece(value), head.request);
}

Error TopicSource::gap(const char* code, const std::string& what) const {
  return {Verdict::Gap, code, "topic " + topic_ + ": " + what, pipeline::kStartOverFromTopic, {}};
}

void TopicSource::wait(std::chrono::milliseconds at_most, bool take_data) {
  reader_->wait(at_most, take_data && (parts_open_ || !copies_.has_room || copies_.has_room()));
}

void TopicSource::wake() noexcept { reader_->wake(); }

void TopicSource::stop() noexcept {
  streaming_ = false;
  stats_.at_end = false;
}

// While there is more to read the publisher's last sign of life is not known yet.
std::int64_t TopicSource::silent_ms() const {
  if (!streaming_ || !reader_->at_end()) return 0;
  return clock_.now_ms() - heard_ms_;
}

}  // namespace walbridge::kafka
