#include "pipeline/kafka/topic_client.h"

#include <algorithm>
#include <utility>

#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/topic_stats.h"

namespace walbridge::kafka {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kTail = 32;
constexpr std::int64_t kAskAgainMs = 5'000;
constexpr milliseconds kOneLook{200};
constexpr std::int64_t kMomentMs = 2'000;
constexpr const char* kNoAnswer = "the publisher does not answer";

}  // namespace

Error TopicClient::no_publisher(const std::string& what) const {
  return {Verdict::Retry, "kafka-no-publisher", "topic " + settings_.topic + ": " + what, kStartPublisher, {}};
}

void TopicClient::waits_for(std::optional<Error> what) {
  // The words of an outage vary while it lasts.
  const bool same = what && waits_for_ && what->code == waits_for_->code;
  if (same || (!what && !waits_for_)) return;
  waits_for_ = std::move(what);
  if (on_wait_) on_wait_(waits_for_);
}

// Whoever starts together with the publisher, or the broker, waits for them.
Result<TopicClient::End> TopicClient::end(milliseconds patience) {
  if (!changes_) {
    WALBRIDGE_TRY_AS(changes_, open_changes_());
  }
  const auto began = clock_.now_ms();
  const auto until = began + patience.count();
  while (true) {
    auto found = look(until);
    if (found && *found) {
      if (!unanswered_) waits_for({});
      return **std::move(found);
    }
    auto missing = found ? no_publisher("nobody has published into it yet") : std::move(found.error());
    if (clock_.now_ms() >= until || missing.verdict != Verdict::Retry) return missing;
    if (clock_.now_ms() - began >= kMomentMs) waits_for(std::move(missing));
    changes_->wait(kOneLook, false);
  }
}

Result<std::optional<TopicClient::End>> TopicClient::look(std::int64_t until_ms) {
  WALBRIDGE_TRY_AS(const LogRange range, changes_->range());
  auto at = std::max(range.low, range.next - kTail);
  std::optional<RecordHead> newest;
  std::int64_t written_ms = 0;
  if (at < range.next) WALBRIDGE_TRY(changes_->seek(at));
  while (at < range.next) {
    WALBRIDGE_TRY_AS(const auto record, changes_->next());
    if (!record) {
      if (changes_->at_end()) break;
      if (clock_.now_ms() > until_ms) {  // an older record would pass for the newest
        return Error{
            Verdict::Retry, "kafka-unreachable", "the end of topic " + settings_.topic + " is not delivered", {}, {}};
      }
      changes_->wait(kOneLook, true);
      continue;
    }
    at = record->offset + 1;
    written_ms = record->timestamp_ms;
    WALBRIDGE_TRY_AS(RecordHead head, head_of(*record, settings_.topic));
    if (!newest || head.epoch >= newest->epoch) newest = std::move(head);
  }
  if (!newest) return std::optional<End>();
  stream_ = newest->stream;
  return std::optional<End>(End{*std::move(newest), written_ms, range.next, range.low});
}

Status TopicClient::send(const Request& request) {
  WALBRIDGE_TRY(requests_.write(request));
  return requests_.confirm(milliseconds(5'000));
}

Request TopicClient::addressed(Request request) {
  request.stream = stream_;
  request.asker = asker_;
  request.id = ++next_id_;
  return request;
}

Status TopicClient::tell(Request request) { return send(addressed(std::move(request))); }

Result<TopicClient::Answer> TopicClient::ask(Request request, milliseconds patience) {
  const auto began = clock_.now_ms();
  const auto until = began + patience.count();
  WALBRIDGE_TRY_AS(const End now, end(patience));
  WALBRIDGE_TRY(changes_->seek(now.next_offset));
  request = addressed(std::move(request));
  auto epoch = now.head.epoch;  // an older writer's answers are not what the stream goes on from
  std::int64_t asked_ms = 0;
  std::string value;
  while (clock_.now_ms() < until) {
    if (asked_ms == 0 || clock_.now_ms() - asked_ms > kAskAgainMs) {
      WALBRIDGE_TRY(send(request));
      asked_ms = clock_.now_ms();
    }
    unanswered_ = clock_.now_ms() - began >= kMomentMs;
    if (unanswered_) waits_for(no_publisher(kNoAnswer));
    WALBRIDGE_TRY_AS(const auto record, changes_->next());
    if (!record) {
      changes_->wait(kOneLook, true);
      continue;
    }
    WALBRIDGE_TRY_AS(RecordHead head, head_of(*record, settings_.topic));
    if (head.epoch < epoch) continue;
    epoch = head.epoch;
    if (head.kind != RecordKind::Answer || head.request != request.id) continue;
    if (head.slice == 0) value.clear();
    value.append(record->value);
    if (head.slice + 1 < head.slices) continue;
    unanswered_ = false;
    waits_for({});
    if (head.failed) return decode_error(value);
    return Answer{std::move(head), record->offset + 1, std::move(value)};
  }
  return no_publisher(kNoAnswer);
}

}  // namespace walbridge::kafka
