// Publisher: where the log ends, how a life of the publisher begins there, and what it does when one has failed.
#include <algorithm>
#include <utility>

#include "pipeline/api/failpoint.h"
#include "pipeline/api/log.h"
#include "pipeline/kafka/publisher.h"

namespace walbridge::kafka {
namespace {

using pipeline::Step;

constexpr std::int64_t kLookAgainMs = 100;  // the writer wakes us when there is a report
constexpr std::int64_t kOperatorPauseMs = 30'000;

}  // namespace

Status Publisher::open() {
  WALBRIDGE_TRY(logs_.ensure_topics());
  WALBRIDGE_TRY_AS(largest_value_, logs_.largest_value());
  writer_id_ = options_.writer + (lives_ == 0 ? "" : "-" + std::to_string(lives_));
  WALBRIDGE_TRY(find_end());
  WALBRIDGE_TRY_AS(auto writer, logs_.writer());
  writer->on_report([this] { link_.wake(); });
  ++lives_;
  emitted_to_ = whole_to_ = idle_to_ = durable_;
  RecordHead head;
  head.kind = RecordKind::Start;
  head.committed_at = clock_.wall();
  WALBRIDGE_FAILPOINT("kafka-before-start-record");
  writer_ = std::move(writer);
  emit(std::move(head), {}, {});
  return Done{};
}

// Two that look at the same end at once would take the same epoch: whose start record lies right behind that end has
// it, and anybody else looks again.
Result<Step> Publisher::confirm_start() {
  const auto give_up = [&](const Error& error) -> Result<Step> {
    fail(error);
    if (error.verdict != Verdict::Retry) return error;
    return Step::Idle;
  };
  if (const auto pumped = pump(); !pumped) return give_up(pumped.error());
  if (const auto reported = take_reports({}); !reported) return give_up(reported.error());
  if (offsets_.empty()) {
    wake_at_ms_ = clock_.now_ms() + kLookAgainMs;
    return Step::Idle;
  }
  if (offsets_.front() != end_offset_) {
    return give_up({Verdict::Retry,
                    "kafka-contested",
                    "another publisher wrote into topic " + options_.topic + " while this one began",
                    "see that only one `walbridge run` publishes into it",
                    {}});
  }
  begin();
  return Step::Progressed;
}

void Publisher::begin() {
  if (lost_copy_ != 0) {
    RecordHead lost;
    lost.kind = RecordKind::Chunk;
    lost.request = std::exchange(lost_copy_, 0);
    lost.failed = lost.last = true;
    emit(std::move(lost), encode_error({Verdict::Retry, "publisher-restarted", "the publisher began again", {}, {}}),
         {});
  }
  fresh_slot_ = false;
  backoff_.reset();
  {
    const std::scoped_lock lock(stats_.mutex);
    stats_.last_error.reset();
    stats_.stream = stream_;
  }
  stats_.open = true;
  link_.ready(durable_);
  log::info("publishing", {{"topic", options_.topic}, {"stream", stream_}, {"from", to_string(durable_)}});
}

void Publisher::begin_stream(const char* why) {
  if (why != nullptr) {
    log::error("appliers of the topic must copy their tables again: a new stream begins",
               {{"topic", options_.topic}, {"code", "kafka-gap"}, {"reason", why}});
  }
  stream_ = writer_id_;
}

// What the topic ends with says which history it holds and up to where.
Status Publisher::find_end() {
  constexpr std::int64_t kTail = 256;
  constexpr std::int64_t kMostWaitMs = 10'000;
  WALBRIDGE_TRY_AS(auto reader, logs_.reader());
  WALBRIDGE_TRY_AS(const LogRange range, reader->range());
  end_offset_ = range.next;
  std::optional<RecordHead> newest;
  Lsn complete;
  auto at = std::max(range.low, range.next - kTail);
  if (at < range.next) WALBRIDGE_TRY(reader->seek(at));
  const auto give_up_ms = clock_.now_ms() + kMostWaitMs;
  while (at < range.next) {
    WALBRIDGE_TRY_AS(const auto record, reader->next());
    if (!record) {
      if (reader->at_end()) break;
      if (clock_.now_ms() > give_up_ms) {  // an older record would pass for the newest
        return Error{
            Verdict::Retry, "kafka-end-unread", "the end of topic " + options_.topic + " is not delivered", {}, {}};
      }
      reader->wait(std::chrono::milliseconds(100), true);
      continue;
    }
    at = record->offset + 1;
    WALBRIDGE_TRY_AS(const RecordHead head, head_of(*record, options_.topic));
    if (!newest || head.stream != newest->stream) complete = {};
    complete = std::max(complete, head.to);
    if (!newest || head.epoch >= newest->epoch) newest = head;
  }
  if (!newest) {
    if (range.next > 0 && range.low < range.next) {
      return Error{
          Verdict::Retry, "kafka-end-unread", "the end of topic " + options_.topic + " cannot be read", {}, {}};
    }
    ++epoch_;
    begin_stream(fresh_slot_ ? nullptr : "the topic is empty");
    return Done{};
  }
  if (newest->source_id != options_.source_id) {
    return Error{Verdict::Operator,
                 "kafka-other-source",
                 "topic " + options_.topic + " is written by another source (" + newest->source_id + ", this is " +
                     options_.source_id + ")",
                 "give each source a topic of its own: set `kafka.topic`, or delete this one",
                 {}};
  }
  epoch_ = std::max(epoch_, newest->epoch) + 1;  // the topic may have lost what this process wrote before
  if (fresh_slot_) {
    begin_stream("the replication slot is new");
  } else if (complete < durable_) {
    begin_stream("the topic no longer holds what was confirmed");
  } else {
    stream_ = newest->stream;
  }
  return Done{};
}

void Publisher::fail(const Error& error) {
  writer_.reset();
  if (const auto copy = copies_.current()) {
    lost_copy_ = *copy;
    copies_.done(*copy);
  }
  outgoing_.clear();
  written_.clear();
  events_.clear();
  chunk_.reset();
  whole_ = {};
  in_transaction_ = skipping_ = in_parts_ = false;
  const bool was_open = stats_.open.exchange(false);
  stats_.unconfirmed_bytes = 0;
  bool news = was_open;
  {
    const std::scoped_lock lock(stats_.mutex);
    news = news || !stats_.last_error || stats_.last_error->code != error.code;
    stats_.last_error = error;
  }
  if (news) {
    log::error("publishing has stopped and is tried again",
               {{"topic", options_.topic}, {"code", error.code}, {"error", error.message}, {"remedy", error.remedy}});
  }
  link_.reopen();
  const auto pause = error.verdict == Verdict::Retry || was_open ? backoff_.next_ms() : kOperatorPauseMs;
  wake_at_ms_ = not_before_ms_ = clock_.now_ms() + pause;
}

}  // namespace walbridge::kafka
