#include "pipeline/kafka/topic_admin.h"

#include <utility>

#include "pipeline/kafka/event_codec.h"

namespace walbridge::kafka {
namespace {

constexpr std::chrono::milliseconds kLook{3'000};

}  // namespace

Result<std::string> TopicAdmin::identity() {
  // Nobody needs to wait for a topic that will never do.
  for (int look = 0; look * kLook < kPatience; ++look) {
    const auto end = client_->end(kLook);
    if (end) {
      identity_ = end->head.source_id + "@" + end->head.stream;
      return identity_;
    }
    if (end.error().verdict != Verdict::Retry || end.error().code == "kafka-unreachable") return end.error();
    for (const auto& finding : check_()) {
      const bool may_come = finding.code == "kafka-topic-missing" || finding.code == "kafka-unreachable";
      if (finding.severity != Finding::Severity::Error || may_come) continue;
      return Error{Verdict::Operator, finding.code, finding.subject + ": " + finding.message, finding.fix, {}};
    }
    if ((look + 1) * kLook >= kPatience) return end.error();
  }
  return Error{Verdict::Retry, "kafka-no-publisher", "nobody has published into the topic", {}, {}};
}

Result<std::vector<SourceTable>> TopicAdmin::describe_tables() {
  if (!asks_catalog_) return std::vector<SourceTable>{};
  if (identity_.empty()) WALBRIDGE_TRY(identity());  // brokers that are away are known sooner than a silent publisher
  WALBRIDGE_TRY_AS(const auto answer, client_->ask({}, kPatience));
  return decode_catalog(answer.value);
}

// Changes of the schema come through the stream, whoever noticed them. The token is the stream's name.
Result<CaptureStatus> TopicAdmin::ensure_capture() {
  CaptureStatus status;
  status.mode = CaptureStatus::Mode::Triggers;
  status.token = identity_;
  return status;
}

Status TopicAdmin::announce(std::span<const std::uint32_t> oids) {
  Request request;
  request.kind = Request::Kind::Announce;
  request.oids.assign(oids.begin(), oids.end());
  return client_->tell(std::move(request));
}

Result<Lsn> TopicAdmin::request_copy(std::span<const std::uint32_t> oids) {
  Request request;
  request.kind = Request::Kind::Copy;
  request.oids.assign(oids.begin(), oids.end());
  WALBRIDGE_TRY_AS(const auto answer, client_->ask(std::move(request), kPatience));
  if (const auto lsn = parse_lsn(answer.value)) return *lsn;
  return Error{Verdict::Operator, "kafka-broken-record", "the publisher's answer is no position", {}, {}};
}

// In place of a slot: nothing is held back for a cache, and nothing beyond the topic's end can be in one.
Result<SlotStatus> TopicAdmin::slot_status() {
  WALBRIDGE_TRY_AS(const auto end, client_->end(kPatience));
  SlotStatus status;
  status.exists = true;
  status.wal_status = "reserved";
  status.current_lsn = end.head.to;
  status.topic = {client_->settings().topic, end.low_offset, end.next_offset, end.written_ms};
  return status;
}

Result<SnapshotPoint> TopicSnapshot::begin(SlotUse) {
  WALBRIDGE_TRY_AS(const auto answer, client_->ask({}, kPatience));
  WALBRIDGE_TRY_AS(catalog_, decode_catalog(answer.value));
  return SnapshotPoint{answer.head.to, answer.next_offset};
}

Result<std::unique_ptr<SnapshotReader>> TopicSnapshot::reader() {
  return Error{Verdict::Operator, "kafka-no-copy", "rows cannot be copied from a topic at once", {}, {}};
}

}  // namespace walbridge::kafka
