#include "pipeline/reader.h"

#include <algorithm>

#include "pipeline/api/log.h"

namespace walbridge::pipeline {
namespace {
constexpr std::int64_t kFirstRejoinPauseMs = 1'000;
constexpr std::int64_t kLongestRejoinPauseMs = 300'000;
}  // namespace

Reader::Reader(Source& source, const std::vector<LaneLink*>& links, const Clock& clock, ReaderStats& stats,
               ReaderOptions options)
    : source_(source), clock_(clock), stats_(stats), options_(options), backoff_(100, 10'000, options.seed) {
  for (auto* link : links) members_.push_back({link});
}

std::optional<Lsn> Reader::frontier() const {
  std::optional<Lsn> smallest;
  for (const auto& member : members_) {
    const auto durable = member.link->durable();
    if (durable && (!smallest || *durable < *smallest)) smallest = durable;
  }
  return smallest;
}

Result<Step> Reader::step() {
  wake_at_ms_ = not_before_ms_;
  takes_data_ = false;
  if (!streaming_) return start_stream();
  if (rejoin_due()) {
    end_stream("a cache joins the stream");
    return Step::Progressed;
  }

  bool anyone_attached = false;
  bool all_have_room = true;
  for (const auto& member : members_) {
    if (member.link->mode() != LaneMode::Attached) continue;
    anyone_attached = true;
    all_have_room = all_have_room && member.link->has_room();
  }
  if (!anyone_attached) {
    end_stream("no cache takes changes");
    return Step::Progressed;
  }
  takes_data_ = all_have_room;
  stats_.silent_ms = source_.silent_ms();
  Result<Step> outcome = Step::Idle;
  if (all_have_room) {
    all_full_since_ms_ = -1;
    for (auto& member : members_) member.full_since_ms = -1;
    outcome = read_chunk();
  } else {
    watch_full_lanes();
  }
  if (!streaming_) return Step::Progressed;
  if (outcome) {
    if (auto confirmed = confirm(); !confirmed) outcome = std::move(confirmed.error());
  }
  if (!outcome) {
    end_stream("the stream failed");
    not_before_ms_ = clock_.now_ms() + backoff_.next_ms();
    wake_at_ms_ = not_before_ms_;
  }
  return outcome;
}

bool Reader::rejoin_due() {
  const auto now = clock_.now_ms();
  bool due = false;
  for (auto& member : members_) {
    if (member.link->mode() != LaneMode::Ready) continue;
    if (now >= member.rejoin_not_before_ms) {
      due = true;
    } else if (wake_at_ms_ == 0 || member.rejoin_not_before_ms < wake_at_ms_) {
      wake_at_ms_ = member.rejoin_not_before_ms;
    }
  }
  return due;
}

// The lane that holds up others, or everybody, loses the stream until it has caught up with what it was given.
void Reader::watch_full_lanes() {
  const auto now = clock_.now_ms();
  const auto attached = std::count_if(members_.begin(), members_.end(),
                                      [](const Member& member) { return member.link->mode() == LaneMode::Attached; });
  std::ptrdiff_t full = 0;
  for (auto& member : members_) {
    if (member.link->mode() != LaneMode::Attached) continue;
    if (member.link->has_room()) {
      member.full_since_ms = -1;
      continue;
    }
    ++full;
    if (member.full_since_ms < 0) member.full_since_ms = now;
  }
  for (auto& member : members_) {
    if (member.link->mode() != LaneMode::Attached || member.full_since_ms < 0) continue;
    const auto patience = full < attached ? options_.slow_lane_ms : options_.stuck_ms;
    if (now - member.full_since_ms < patience) {
      const auto wake = member.full_since_ms + patience;
      if (wake_at_ms_ == 0 || wake < wake_at_ms_) wake_at_ms_ = wake;
      continue;
    }
    const bool stayed = now - member.attached_ms > 2 * member.rejoin_pause_ms + options_.slow_lane_ms;
    member.rejoin_pause_ms = stayed || member.rejoin_pause_ms == 0
                                 ? kFirstRejoinPauseMs
                                 : std::min(kLongestRejoinPauseMs, member.rejoin_pause_ms * 2);
    member.rejoin_not_before_ms = now + member.rejoin_pause_ms;
    member.full_since_ms = -1;
    log::warn("cache is too slow for the stream and will join it again later", {{"sink", member.link->name()}});
    member.link->detach();
  }
}

Result<Step> Reader::start_stream() {
  const auto now = clock_.now_ms();
  if (now < not_before_ms_) return Step::Idle;
  std::optional<StreamPosition> from;
  bool finishing = false;
  // A lane that becomes ready from here on was not asked where it stands: it joins by the next restart.
  for (auto& member : members_) {
    const auto mode = member.link->mode();
    member.joins = mode == LaneMode::Ready && now >= member.rejoin_not_before_ms;
    if (mode == LaneMode::Detached || mode == LaneMode::Attached) finishing = true;
    if (!member.joins) continue;
    const auto resume = member.link->resume_from();
    // Each on its own: several caches may stand at different places of one record.
    if (!from) from = resume;
    from->lsn = std::min(from->lsn, resume.lsn);
    from->offset = std::min(from->offset, resume.offset);
  }
  if (finishing && now - ended_ms_ < options_.gather_ms) {
    wake_at_ms_ = ended_ms_ + options_.gather_ms;
    return Step::Idle;
  }
  if (!from) {
    (void)rejoin_due();  // sets the time to wake up
    return Step::Idle;
  }
  if (auto started = source_.start(*from); !started) {
    not_before_ms_ = wake_at_ms_ = now + backoff_.next_ms();
    const std::scoped_lock lock(stats_.mutex);
    stats_.last_error = started.error();
    return std::move(started.error());
  }
  backoff_.reset();
  not_before_ms_ = 0;
  streaming_ = true;
  open_transaction_commit_ = {};
  ++stats_.starts;
  stats_.streaming = true;
  {
    const std::scoped_lock lock(stats_.mutex);
    stats_.last_error.reset();
  }
  for (auto& member : members_) {
    if (!member.joins) continue;
    member.attached_ms = now;
    member.link->attach();
  }
  log::info("streaming", {{"from", to_string(from->lsn)}});
  return Step::Progressed;
}

void Reader::end_stream(const char* reason) {
  source_.stop();
  streaming_ = false;
  stats_.streaming = false;
  ended_ms_ = clock_.now_ms();
  for (auto& member : members_) member.link->detach();
  log::info("stream closed", {{"reason", reason}});
}

Result<Step> Reader::read_chunk() {
  auto chunk = spare_ ? std::move(spare_) : std::make_shared<Chunk>();
  auto polled = source_.poll(*chunk, options_.chunk_bytes);
  stats_.server_lsn = source_.server_position().value;
  if (!polled) {
    const std::scoped_lock lock(stats_.mutex);
    stats_.last_error = polled.error();
    return std::move(polled.error());
  }
  stats_.last_streaming_micros = clock_.wall().micros;
  if (chunk->events.empty()) {
    spare_ = std::move(chunk);
    return *polled ? Step::Progressed : Step::Idle;
  }
  deliver(std::move(chunk));
  return Step::Progressed;
}

void Reader::deliver(std::shared_ptr<Chunk> chunk) {
  Timestamp oldest = open_transaction_commit_;
  std::uint64_t transactions = 0;
  for (const auto& event : chunk->events) {
    if (const auto* begin = std::get_if<TxBegin>(&event)) {
      open_transaction_commit_ = begin->committed_at;
      if (!oldest) oldest = begin->committed_at;
    } else if (const auto* commit = std::get_if<TxCommit>(&event)) {
      open_transaction_commit_ = {};
      ++transactions;
      stats_.received_lsn = commit->end_lsn.value;
    } else if (const auto* idle = std::get_if<IdlePosition>(&event)) {
      stats_.received_lsn = idle->lsn.value;
    }
  }
  stats_.transactions += transactions;
  const std::shared_ptr<const Chunk> shared = std::move(chunk);
  for (auto& member : members_) member.link->push(shared, oldest);
}

Status Reader::confirm() {
  const auto durable = frontier();
  // Position 0 confirms nothing, but keeps the connection alive while some cache is still being filled.
  // Never backwards: a cache that joins pins the frontier at what was confirmed before.
  const Lsn position = std::max(durable.value_or(Lsn{}), Lsn{stats_.confirmed_lsn});
  WALBRIDGE_TRY(source_.confirm(position));
  stats_.confirmed_lsn = position.value;
  return Done{};
}

void Reader::finish() {
  if (streaming_) (void)confirm();
  source_.stop();
  streaming_ = false;
  stats_.streaming = false;
}

}  // namespace walbridge::pipeline
