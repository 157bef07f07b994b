#include "pipeline/backfill_reader.h"

#include <utility>

#include "pipeline/api/failpoint.h"
#include "pipeline/api/log.h"

namespace walbridge::pipeline {
namespace {

constexpr std::int64_t kSayAgainMs = 10'000;
constexpr std::int64_t kWritersPauseMs = 20;
constexpr std::int64_t kBelieveRefusalMs = 3'000;

}  // namespace

BackfillReader::BackfillReader(BackfillSource& source, std::vector<BackfillDesk*> desks, const Clock& clock,
                               std::uint64_t seed, std::function<void(std::uint32_t)> on_stale)
    : source_(source),
      desks_(std::move(desks)),
      clock_(clock),
      backoff_(50, 5'000, seed),
      on_stale_(std::move(on_stale)) {}

Step BackfillReader::step() {
  if (clock_.now_ms() < wake_at_ms_) return Step::Idle;
  wake_at_ms_ = 0;
  if (!request_) {
    for (auto* desk : desks_) {
      request_ = desk->next();
      if (!request_) continue;
      desk_ = desk;
      at_ = At::Open;
      return Step::Progressed;
    }
    return Step::Idle;
  }
  if (!desk_->wanted(request_->id)) {
    give_up();
    return Step::Progressed;
  }
  Status done;
  if (at_ == At::Open) {
    done = source_.open(*request_);
    if (done) at_ = At::Read;
  } else if (at_ == At::Read) {
    if (desk_->wants_a_pause()) return Step::Idle;
    auto piece = source_.next();
    if (piece) {
      if (piece->ends_chunk) at_ = At::Mark;
      desk_->deliver(*std::move(piece));
    } else {
      done = std::move(piece.error());
    }
  } else {
    WALBRIDGE_FAILPOINT("before-mark");
    done = source_.mark(request_->id);
    if (done) give_up();
  }
  if (done) {
    backoff_.reset();
    refused_ms_ = 0;
    return Step::Progressed;
  }
  // What the stream tells may not be visible yet to those who ask the catalog.
  if (at_ == At::Open && refused_ms_ == 0) refused_ms_ = clock_.now_ms();
  const bool early = at_ == At::Open && clock_.now_ms() - refused_ms_ < kBelieveRefusalMs;
  if (done.error().verdict == Verdict::Retry || early) {
    retry(done.error());
  } else {
    desk_->fail(request_->id, done.error());
    give_up();
  }
  return Step::Idle;
}

void BackfillReader::retry(const Error& error) {
  const auto now = clock_.now_ms();
  wake_at_ms_ = now + (error.code == "writers" ? kWritersPauseMs : backoff_.next_ms());
  if (said_ms_ == 0 || now - said_ms_ >= kSayAgainMs) {
    // The first wait for writers is what nearly every copy begins with.
    if (said_ms_ != 0 || error.code != "writers") {
      log::warn("a table cannot be copied yet",
                {{"table", request_->table->qualified_name()}, {"code", error.code}, {"reason", error.message}});
    }
    said_ms_ = now;
  }
  if (error.code == "relation-changed") on_stale_(request_->table->oid);
  if (at_ == At::Open) return;
  // What was delivered of this chunk is worth nothing without its end: the lane asks anew.
  desk_->fail(request_->id, error);
  give_up();
}

void BackfillReader::give_up() {
  source_.close();
  request_.reset();
  refused_ms_ = 0;
  desk_ = nullptr;
  at_ = At::Open;
}

}  // namespace walbridge::pipeline
