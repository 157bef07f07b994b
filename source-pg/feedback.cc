#include "source-pg/feedback.h"

#include <algorithm>

namespace walbridge::source_pg {

void Feedback::restart(Pacing pacing, Lsn from, std::int64_t now_ms) {
  *this = Feedback{};
  pacing_ = pacing;
  yielded_ = from;  // not durable_: another cache than the one that asked may still need what is below
  heard_ms_ = now_ms;
  sent_ms_ = now_ms - pacing.interval_ms;  // the server learns at once where we are
}

void Feedback::heard(std::int64_t now_ms) {
  heard_ms_ = now_ms;
  first_probe_ms_.reset();
}

void Feedback::yielded(Lsn position) { yielded_ = std::max(yielded_, position); }

void Feedback::durable(Lsn position) { durable_ = std::max(durable_, std::min(position, yielded_)); }

StatusUpdate Feedback::status() const { return {yielded_, durable_, false}; }

bool Feedback::probe_due(std::int64_t now_ms) const {
  const std::int64_t since = first_probe_ms_ ? last_probe_ms_ : heard_ms_;
  return now_ms - since >= pacing_.interval_ms;
}

std::optional<StatusUpdate> Feedback::due(std::int64_t now_ms) const {
  StatusUpdate update = status();
  update.request_reply = probe_due(now_ms);
  const std::int64_t since_sent = now_ms - sent_ms_;
  const bool advanced = durable_ > flush_sent_ && since_sent >= pacing_.least_gap_ms;
  if (asked_ || update.request_reply || advanced || since_sent >= pacing_.interval_ms) return update;
  return std::nullopt;
}

void Feedback::sent(const StatusUpdate& update, std::int64_t now_ms) {
  asked_ = false;
  sent_ms_ = now_ms;
  flush_sent_ = update.flush;
  if (!update.request_reply) return;
  if (!first_probe_ms_) first_probe_ms_ = now_ms;
  last_probe_ms_ = now_ms;
}

std::optional<StatusUpdate> Feedback::farewell() const {
  if (durable_ > flush_sent_) return status();
  return std::nullopt;
}

bool Feedback::dead(std::int64_t now_ms) const {
  return first_probe_ms_ && now_ms - *first_probe_ms_ >= 2 * pacing_.interval_ms;
}

std::int64_t Feedback::next_ms(std::int64_t now_ms) const {
  std::int64_t at = sent_ms_ + pacing_.interval_ms;
  at = std::min(at, (first_probe_ms_ ? last_probe_ms_ : heard_ms_) + pacing_.interval_ms);
  if (asked_) at = now_ms;
  if (durable_ > flush_sent_) at = std::min(at, sent_ms_ + pacing_.least_gap_ms);
  if (first_probe_ms_) at = std::min(at, *first_probe_ms_ + 2 * pacing_.interval_ms);
  return std::max<std::int64_t>(at - now_ms, 0);
}

}  // namespace walbridge::source_pg
