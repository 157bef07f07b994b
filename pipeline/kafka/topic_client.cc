#include "pipeline/kafka/topic_client.h"

#include <algorithm>
#include <utility>

#include "pipeline/kafka/event_codec.h"

namespace walbridge::kafka {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kTail = 32;
constexpr std::int64_t kAskAgainMs = 5'000;
constexpr milliseconds kOneLook{200};

}  // namespace

Status TopicClient::connect() {
  if (!changes_) {
    WALBRIDGE_TRY_AS(changes_, logs_.changes());
  }
  if (!requests_) {
    WALBRIDGE_TRY_AS(requests_, logs_.requests());
  }
  return Done{};
}

Error TopicClient::no_publisher(const std::string& what) const {
  return {Verdict::Retry,
          "kafka-no-publisher",
          "topic " + settings_.topic + ": " + what,
          "see that a `walbridge run` with `kafka.role: publish` runs and has this topic",
          {}};
}

// Whoever starts together with the publisher, or the broker, waits for them.
Result<TopicClient::End> TopicClient::end(milliseconds patience) {
  WALBRIDGE_TRY(connect());
  const auto until = clock_.now_ms() + patience.count();
  while (true) {
    auto found = look(until);
    if (found && *found) return **std::move(found);
    const bool over = clock_.now_ms() >= until;
    if (!found && (over || found.error().verdict != Verdict::Retry)) return std::move(found.error());
    if (over) return no_publisher("nobody has published into it yet");
    changes_->wait(kOneLook, false);
  }
}

Result<std::optional<TopicClient::End>> TopicClient::look(std::int64_t until_ms) {
  WALBRIDGE_TRY_AS(const LogRange range, changes_->range());
  auto at = std::max(range.low, range.next - kTail);
  std::optional<RecordHead> newest;
  if (at < range.next) WALBRIDGE_TRY(changes_->seek(at));
  while (at < range.next) {
    WALBRIDGE_TRY_AS(const auto record, changes_->next());
    if (!record) {
      if (changes_->at_end() || clock_.now_ms() > until_ms) break;
      changes_->wait(kOneLook, true);
      continue;
    }
    at = record->offset + 1;
    WALBRIDGE_TRY_AS(RecordHead head, head_of(*record, settings_.topic));
    if (!newest || head.epoch >= newest->epoch) newest = std::move(head);
  }
  if (!newest) return std::optional<End>();
  stream_ = newest->stream;
  return std::optional<End>(End{*std::move(newest), range.next, range.low});
}

Status TopicClient::send(const Request& request) {
  WALBRIDGE_TRY_AS(const bool taken, requests_->write({}, to_json(request)));
  if (!taken) return Error{Verdict::Retry, "kafka-unreachable", "the control topic takes nothing", {}, {}};
  std::vector<std::int64_t> offsets;
  WALBRIDGE_TRY(requests_->reports(milliseconds(5'000), offsets));
  if (!offsets.empty()) return Done{};
  return requests_->trouble().value_or(
      Error{Verdict::Retry, "kafka-unreachable", "the control topic does not confirm", {}, {}});
}

Status TopicClient::tell(Request request) {
  WALBRIDGE_TRY(connect());
  request.stream = stream_;
  request.asker = asker_;
  request.id = ++next_id_;
  return send(request);
}

Result<TopicClient::Answer> TopicClient::ask(Request request, milliseconds patience) {
  const auto until = clock_.now_ms() + patience.count();
  WALBRIDGE_TRY_AS(const End now, end(patience));
  WALBRIDGE_TRY(changes_->seek(now.next_offset));
  request.stream = stream_;
  request.asker = asker_;
  request.id = ++next_id_;
  std::int64_t asked_ms = 0;
  std::string value;
  while (clock_.now_ms() < until) {
    if (asked_ms == 0 || clock_.now_ms() - asked_ms > kAskAgainMs) {
      WALBRIDGE_TRY(send(request));
      asked_ms = clock_.now_ms();
    }
    WALBRIDGE_TRY_AS(const auto record, changes_->next());
    if (!record) {
      changes_->wait(kOneLook, true);
      continue;
    }
    WALBRIDGE_TRY_AS(RecordHead head, head_of(*record, settings_.topic));
    if (head.kind != RecordKind::Answer || head.request != request.id) continue;
    if (head.slice == 0) value.clear();
    value.append(record->value);
    if (head.slice + 1 < head.slices) continue;
    if (head.failed) return decode_error(value);
    return Answer{std::move(head), record->offset + 1, std::move(value)};
  }
  return no_publisher("the publisher does not answer");
}

}  // namespace walbridge::kafka
