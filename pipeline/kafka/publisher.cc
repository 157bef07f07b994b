#include "pipeline/kafka/publisher.h"

#include <algorithm>
#include <utility>

#include "pipeline/api/failpoint.h"
#include "pipeline/api/log.h"

namespace walbridge::kafka {
namespace {

using pipeline::Step;

constexpr std::uint64_t kProgressBytes = 16ULL << 20U;
constexpr std::size_t kMostOutgoing = 4;  // records encoded ahead of the writer
constexpr std::int64_t kFullPauseMs = 5;
constexpr std::int64_t kCompanyMs = 5;
constexpr double kBehindSeconds = 1;  // then a few milliseconds more are nobody's loss, and larger records a gain
constexpr std::int64_t kCompanyBehindMs = 20;
constexpr std::int64_t kReportPauseMs = 100;  // the writer wakes us when there is a report

}  // namespace

Publisher::Publisher(Logs logs, pipeline::LaneLink& link, CopyRequests& copies, PublisherStats& stats,
                     const Clock& clock, PublisherOptions options)
    : logs_(std::move(logs)),
      link_(link),
      copies_(copies),
      stats_(stats),
      clock_(clock),
      options_(std::move(options)),
      backoff_(200, 10'000, options_.seed) {}

void Publisher::start(Lsn confirmed, bool fresh_slot) {
  durable_ = confirmed;
  fresh_slot_ = fresh_slot;
  started_ = true;
  link_.set_durable(confirmed);
}

Result<Step> Publisher::step() {
  const auto now = clock_.now_ms();
  wake_at_ms_ = not_before_ms_;
  if (!started_ || now < not_before_ms_) return Step::Idle;
  wake_at_ms_ = not_before_ms_ = 0;
  if (!writer_) {
    if (auto opened = open(); !opened) {
      fail(opened.error());
      if (opened.error().verdict != Verdict::Retry) return std::move(opened.error());
      return Step::Idle;
    }
    return Step::Progressed;
  }
  if (!stats_.open) return confirm_start();
  auto worked = take_reports({});
  if (worked && !in_parts_) {
    emit_answers();
    emit_pieces();
  }
  if (worked) worked = take_chunk();
  if (!worked) {
    fail(worked.error());
    return Step::Idle;
  }
  if (chunk_) {
    wake_at_ms_ = now + kFullPauseMs;
    return outgoing_.empty() ? Step::Progressed : Step::Idle;
  }
  chunk_ = link_.pop();
  next_event_ = 0;
  return chunk_ ? Result<Step>(Step::Progressed) : settle_when_drained();
}

// Nothing is queued. What is whole goes out at once, unless a record is on its way: then it waits for that one's
// report, so that many small transactions share a record as soon as the brokers are what takes the time. A detached
// link learns where it may be joined again.
Result<Step> Publisher::settle_when_drained() {
  const auto now = clock_.now_ms();
  const auto mode = link_.mode();  // once: what is held must not be taken for emitted
  const bool behind = bool(oldest_commit_) && seconds_between(oldest_commit_, clock_.wall()) > kBehindSeconds;
  const auto hold_until = emitted_ms_ + (behind ? kCompanyBehindMs : kCompanyMs);
  const bool held =
      mode == pipeline::LaneMode::Attached && whole_.body != 0 && (behind || !written_.empty()) && now < hold_until;
  if (!held) {
    emit_block();
    if (!in_transaction_ && !in_parts_) emit_progress();
  }
  const auto pumped = pump();
  if (!pumped) {
    fail(pumped.error());
    return Step::Idle;
  }
  if (mode == pipeline::LaneMode::Detached && outgoing_.empty()) {
    if ((chunk_ = link_.pop())) {  // pushed just before the detach
      next_event_ = 0;
      return Step::Progressed;
    }
    // The rest of an open transaction will come again from its beginning.
    events_.clear();
    whole_ = {};
    whole_to_ = idle_to_ = emitted_to_;
    in_transaction_ = skipping_ = in_parts_ = false;
    link_.ready(emitted_to_);
    return Step::Progressed;
  }
  const bool settled = written_.empty() && outgoing_.empty();
  wake_at_ms_ = held ? hold_until : settled ? emitted_ms_ + options_.progress_ms : now + kReportPauseMs;
  return Step::Idle;
}

void Publisher::finish(std::chrono::milliseconds at_most) {
  if (!writer_) return;
  if (!in_transaction_ && !in_parts_) emit_block();
  const auto until = clock_.now_ms() + at_most.count();
  while ((!outgoing_.empty() || !written_.empty()) && clock_.now_ms() < until) {
    if (!pump() || !take_reports(std::chrono::milliseconds(20))) return;
  }
}

// ---- events ----

Status Publisher::take_chunk() {
  WALBRIDGE_TRY(pump());
  if (!chunk_) return Done{};
  while (outgoing_.size() < kMostOutgoing && next_event_ < chunk_->events.size()) {
    on_event(chunk_->events[next_event_++], *chunk_);
    if (outgoing_.size() >= kMostOutgoing) WALBRIDGE_TRY(pump());
  }
  if (next_event_ == chunk_->events.size()) chunk_.reset();
  return Done{};
}

void Publisher::on_event(const Event& event, const Chunk& chunk) {
  if (const auto* idle = std::get_if<IdlePosition>(&event)) {
    idle_to_ = std::max(idle_to_, idle->lsn);
    return;
  }
  if (const auto* begin = std::get_if<TxBegin>(&event)) {
    skipping_ = begin->commit_lsn < whole_to_;
    in_transaction_ = !skipping_;
    if (in_transaction_ && !oldest_commit_) oldest_commit_ = begin->committed_at;
  } else if (const auto* mark = std::get_if<BackfillMark>(&event); mark != nullptr && !skipping_) {
    // Everything that belongs to a mark comes before it.
    emit_pieces();
    copies_.done(mark->chunk);
  }
  const auto* commit = std::get_if<TxCommit>(&event);
  if (skipping_) {
    if (commit != nullptr) skipping_ = false;
    return;
  }
  events_.add(event, chunk);
  if (commit != nullptr) {
    on_commit(*commit);
  } else {
    cut_if_large();
  }
}

void Publisher::on_commit(const TxCommit& commit) {
  in_transaction_ = false;
  committed_at_ = commit.committed_at;
  whole_to_ = commit.end_lsn;
  stats_.transactions.fetch_add(1, std::memory_order_relaxed);
  if (in_parts_) {
    emit_part(true);
    return;
  }
  whole_ = events_.place();
  if (events_.bytes() >= options_.block_bytes) emit_block();
}

void Publisher::cut_if_large() {
  if (events_.bytes() < options_.part_bytes) return;
  emit_block();
  if (events_.bytes() >= options_.part_bytes) emit_part(false);
}

void Publisher::emit_block() {
  if (whole_.body == 0) return;
  RecordHead head;
  head.kind = RecordKind::Block;
  head.to = whole_to_;
  head.committed_at = committed_at_;
  std::string value;
  events_.take(whole_, value);
  whole_ = {};
  emit(std::move(head), std::move(value), oldest_commit_);
  if (!in_transaction_) oldest_commit_ = {};
}

void Publisher::emit_part(bool last) {
  RecordHead head;
  head.kind = RecordKind::Part;
  head.part = in_parts_ ? ++part_ : (part_ = 0);
  head.last = last;
  head.to = last ? whole_to_ : emitted_to_;
  head.committed_at = last ? committed_at_ : oldest_commit_;
  std::string value;
  events_.take(value);
  emit(std::move(head), std::move(value), oldest_commit_);
  in_parts_ = !last;
  if (last) oldest_commit_ = {};
  WALBRIDGE_FAILPOINT("kafka-between-parts");
}

void Publisher::emit_progress() {
  const auto to = std::max(emitted_to_, idle_to_);
  const bool due = clock_.now_ms() - emitted_ms_ >= options_.progress_ms ||
                   bytes_between(emitted_to_, to) >= kProgressBytes || (options_.eager_idle && to > emitted_to_);
  if (!due || !outgoing_.empty()) return;
  RecordHead head;
  head.kind = RecordKind::Progress;
  head.to = to;
  head.committed_at = clock_.wall();
  emit(std::move(head), {}, {});
}

// ---- copies and answers ----

void Publisher::answer(RecordHead head, std::string value) {
  {
    const std::scoped_lock lock(answers_mutex_);
    answers_.emplace_back(std::move(head), std::move(value));
  }
  link_.wake();
}

void Publisher::emit_answers() {
  std::vector<std::pair<RecordHead, std::string>> answers;
  {
    const std::scoped_lock lock(answers_mutex_);
    answers.swap(answers_);
  }
  for (auto& [head, value] : answers) emit(std::move(head), std::move(value), {});
}

void Publisher::emit_pieces() {
  const auto id = copies_.current();
  if (!id) return;
  for (const auto& piece : copies_.take(*id)) {
    RecordHead head;
    head.kind = RecordKind::Chunk;
    head.request = *id;
    head.last = piece.ends_chunk;
    emit(std::move(head), encode_piece(piece), {});
    WALBRIDGE_FAILPOINT("kafka-chunk-written");
  }
  if (const auto failure = copies_.failure(*id)) {
    RecordHead head;
    head.kind = RecordKind::Chunk;
    head.request = *id;
    head.failed = head.last = true;
    emit(std::move(head), encode_error(*failure), {});
    copies_.done(*id);
  }
}

// ---- the writer ----

void Publisher::emit(RecordHead head, std::string value, Timestamp oldest_commit) {
  head.stream = stream_;
  head.writer = writer_id_;
  head.epoch = epoch_;
  head.source_id = options_.source_id;
  head.from = emitted_to_;
  if (!head.to) head.to = emitted_to_;
  emitted_to_ = head.to;
  emitted_ms_ = clock_.now_ms();
  const auto slices = std::max<std::size_t>(1, (value.size() + largest_value_ - 1) / largest_value_);
  written_.push_back({head.to, slices, oldest_commit});
  head.slices = static_cast<std::uint32_t>(slices);
  if (slices == 1) {
    outgoing_.push_back({to_headers(head), std::move(value)});
    return;
  }
  for (std::size_t slice = 0; slice < slices; ++slice) {
    head.slice = static_cast<std::uint32_t>(slice);
    outgoing_.push_back({to_headers(head), value.substr(slice * largest_value_, largest_value_)});
  }
}

// True: the writer has taken everything.
Result<bool> Publisher::pump() {
  while (!outgoing_.empty()) {
    if (writer_->unconfirmed_bytes() > options_.most_unconfirmed) return false;
    auto& next = outgoing_.front();
    WALBRIDGE_TRY_AS(const bool taken, writer_->write(next.headers, next.value));
    if (!taken) return false;
    stats_.records.fetch_add(1, std::memory_order_relaxed);
    stats_.bytes.fetch_add(next.value.size(), std::memory_order_relaxed);
    outgoing_.pop_front();
    WALBRIDGE_FAILPOINT("kafka-after-write");
  }
  return true;
}

// An outage is waited for, and no error of the writer's.
void Publisher::note_trouble(std::optional<Error> trouble) {
  std::string before;
  {
    const std::scoped_lock lock(stats_.mutex);
    if (stats_.last_error) before = stats_.last_error->code;
    stats_.last_error = trouble;
  }
  const std::string now = trouble ? trouble->code : std::string();
  if (now == before) return;
  if (trouble) {
    log::warn("the brokers do not take what is published; it waits",
              {{"topic", options_.topic}, {"code", now}, {"error", trouble->message}, {"remedy", trouble->remedy}});
  } else if (stats_.open) {
    log::info("the brokers take what is published again", {{"topic", options_.topic}});
  }
}

Status Publisher::take_reports(std::chrono::milliseconds at_most) {
  offsets_.clear();
  WALBRIDGE_TRY(writer_->reports(at_most, offsets_));
  stats_.unconfirmed_bytes = writer_->unconfirmed_bytes();
  note_trouble(writer_->trouble());
  if (!offsets_.empty() && offsets_.front() < end_offset_) {
    return Error{Verdict::Retry, "kafka-log-rewound", "topic " + options_.topic + " was replaced or rewound", {}, {}};
  }
  if (!offsets_.empty()) WALBRIDGE_FAILPOINT("kafka-after-report");
  for (std::size_t i = 0; i < offsets_.size() && !written_.empty(); ++i) {
    auto& record = written_.front();
    if (--record.slices > 0) continue;
    durable_ = std::max(durable_, record.to);
    if (record.oldest_commit) {
      stats_.publish_seconds.observe(std::max(0.0, seconds_between(record.oldest_commit, clock_.wall())));
    }
    written_.pop_front();
  }
  if (!offsets_.empty()) {
    stats_.published_lsn = durable_.value;
    link_.set_durable(durable_);
  }
  const auto oldest =
      std::find_if(written_.begin(), written_.end(), [](const Written& w) { return bool(w.oldest_commit); });
  stats_.oldest_unconfirmed_micros = oldest != written_.end() ? oldest->oldest_commit.micros
                                     : oldest_commit_         ? oldest_commit_.micros
                                                              : 0;
  return Done{};
}

}  // namespace walbridge::kafka
