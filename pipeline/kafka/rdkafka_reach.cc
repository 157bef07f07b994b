#include "pipeline/kafka/rdkafka_reach.h"

#include <algorithm>
#include <utility>

namespace walbridge::kafka {
namespace {

// Of the protocol.
constexpr std::int16_t kSaslHandshake = 17;
constexpr std::int16_t kApiVersions = 18;
constexpr std::int16_t kSaslAuthenticate = 36;

constexpr std::chrono::milliseconds kSureAfter{1500};  // several attempts to connect

}  // namespace

void Reach::failed(rd_kafka_resp_err_t code, std::string_view text, Clock::time_point now) {
  Error error = connection_error(code, text, place_);
  const std::lock_guard lock(mutex_);
  if (!failed_at_) failed_at_ = now;
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    all_down_ = true;  // explains nothing
    if (trouble_) return;
  }
  // A port that has once spoken as it should does so still; its broker is going or coming.
  if (once_answered_ && error.code == "kafka-protocol") {
    error.verdict = Verdict::Retry;
    error.code = "kafka-unreachable";
  }
  // librdkafka adds its guess at the reason to some of the connections that are closed, not to all.
  const bool closed_again = text.find("Disconnected") != std::string_view::npos;
  if (trouble_ && trouble_->verdict == Verdict::Operator && error.verdict == Verdict::Retry && closed_again) return;
  if (!trouble_ || trouble_->verdict != error.verdict) trouble_since_ = now;
  trouble_ = std::move(error);
}

void Reach::answered(std::int16_t api_key) {
  if (api_key == kSaslHandshake || api_key == kApiVersions || api_key == kSaslAuthenticate) return;
  const std::lock_guard lock(mutex_);
  trouble_.reset();
  failed_at_.reset();
  all_down_ = false;
  once_answered_ = true;
}

std::chrono::milliseconds Reach::unreachable(std::optional<Clock::time_point> waiting_since,
                                             Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  if (!failed_at_ || (!all_down_ && !waiting_since)) return std::chrono::milliseconds(0);
  const Clock::time_point since = all_down_ ? *failed_at_ : std::max(*failed_at_, *waiting_since);
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - since);
}

std::optional<Error> Reach::trouble(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  auto trouble = trouble_;
  if (trouble && !sure(now)) trouble->verdict = Verdict::Retry;
  return trouble;
}

bool Reach::hopeless(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  return sure(now);
}

bool Reach::sure(Clock::time_point now) const {
  return trouble_ && trouble_->verdict == Verdict::Operator && now - trouble_since_ >= kSureAfter;
}

}  // namespace walbridge::kafka
