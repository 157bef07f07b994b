#include "pipeline/kafka/chunk_client.h"

#include <algorithm>
#include <utility>

#include "pipeline/api/log.h"
#include "pipeline/kafka/requests.h"

namespace walbridge::kafka {
namespace {

using pipeline::Step;

constexpr std::int64_t kAnswerWithinMs = 30'000;
constexpr std::int64_t kLookAgainMs = 200;

}  // namespace

void ChunkClient::set_desks(std::vector<pipeline::BackfillDesk*> desks) {
  seats_.clear();
  for (auto* desk : desks) seats_.push_back({desk, asker_ + "/" + std::to_string(seats_.size()), 0});
}

TopicSource::Copies ChunkClient::copies() {
  return {[this](std::uint64_t id) { return desk_of(id) != nullptr; },
          [this](Result<ChunkPiece> piece, std::uint64_t id) { deliver(std::move(piece), id); },
          [this] {
            return std::none_of(seats_.begin(), seats_.end(), [](const Seat& seat) { return seat.desk->wants_a_pause(); });
          }};
}

pipeline::BackfillDesk* ChunkClient::desk_of(std::uint64_t id) const {
  const auto found =
      std::find_if(seats_.begin(), seats_.end(), [&](const Seat& seat) { return seat.desk->wanted(id); });
  return found == seats_.end() ? nullptr : found->desk;
}

void ChunkClient::deliver(Result<ChunkPiece> piece, std::uint64_t id) {
  auto* desk = desk_of(id);
  if (desk == nullptr) return;
  heard_ms_ = clock_.now_ms();
  if (!piece) {
    desk->fail(id, std::move(piece.error()));
    return;
  }
  piece->id = id;
  desk->deliver(*std::move(piece));
}

Step ChunkClient::step() {
  offsets_.clear();
  wake_at_ms_ = clock_.now_ms() + kLookAgainMs;
  if (auto reported = requests_->reports({}, offsets_); !reported) {
    log::error("requests to the publisher cannot be written",
               {{"code", reported.error().code}, {"error", reported.error().message}});
    return Step::Idle;
  }
  bool sent = false;
  for (auto& seat : seats_) {
    if (seat.asked != 0 && !seat.desk->wanted(seat.asked)) {
      Request withdraw;
      withdraw.kind = Request::Kind::Withdraw;
      withdraw.id = std::exchange(seat.asked, 0);
      withdraw.stream = stream_;
      withdraw.asker = seat.asker;
      sent = send(to_json(withdraw)) || sent;
    }
    if (auto wanted = seat.desk->next()) {
      Request request;
      request.kind = Request::Kind::Chunk;
      request.id = wanted->id;
      request.stream = stream_;
      request.asker = seat.asker;
      request.chunk = *std::move(wanted);
      seat.asked = request.id;
      heard_ms_ = clock_.now_ms();
      if (!send(to_json(request)))
        seat.desk->fail(seat.asked, {Verdict::Retry, "kafka-full", "a request waits", {}, {}});
      sent = true;
    } else if (seat.asked != 0 && clock_.now_ms() - heard_ms_ > kAnswerWithinMs) {
      log::warn("the publisher does not answer a request for rows, asking again", {});
      seat.desk->fail(seat.asked, {Verdict::Retry, "no-publisher", "the publisher does not answer", {}, {}});
      heard_ms_ = clock_.now_ms();
    }
  }
  return sent ? Step::Progressed : Step::Idle;
}

bool ChunkClient::send(const std::string& json) {
  const auto written = requests_->write({}, json);
  return written && *written;
}

}  // namespace walbridge::kafka
