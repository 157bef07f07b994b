#include "pipeline/kafka/chunk_client.h"

#include <algorithm>
#include <utility>

#include "pipeline/api/log.h"
#include "pipeline/kafka/requests.h"
#include "pipeline/kafka/topic_stats.h"

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
            return std::none_of(seats_.begin(), seats_.end(),
                                [](const Seat& seat) { return seat.desk->wants_a_pause(); });
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
  wake_at_ms_ = clock_.now_ms() + kLookAgainMs;
  if (auto looked = requests_.look(); !looked) {
    for (auto& seat : seats_) {
      if (seat.asked != 0) fail(seat, looked.error());
    }
  }
  if (heard_ms_ > asked_ms_) {
    trouble_.clear();
    unanswered_ = false;
  }
  bool sent = false;
  for (auto& seat : seats_) {
    Request request;
    request.stream = stream_;
    request.asker = seat.asker;
    if (seat.asked != 0 && !seat.desk->wanted(seat.asked)) {
      request.kind = Request::Kind::Withdraw;
      request.id = std::exchange(seat.asked, 0);
      sent = bool(requests_.write(request)) || sent;
    }
    if (auto wanted = seat.desk->next()) {
      request.kind = Request::Kind::Chunk;
      request.id = seat.asked = wanted->id;
      request.chunk = *std::move(wanted);
      asked_ms_ = clock_.now_ms();
      if (auto written = requests_.write(request); !written) fail(seat, std::move(written.error()));
      sent = true;
    } else if (seat.asked != 0 && clock_.now_ms() - std::max(heard_ms_.load(), asked_ms_) > kAnswerWithinMs) {
      unanswered_ = true;
      fail(seat, {Verdict::Retry, "kafka-no-publisher", "the publisher does not answer", kStartPublisher, {}});
    }
  }
  return sent ? Step::Progressed : Step::Idle;
}

// The lane asks again, after a pause.
void ChunkClient::fail(Seat& seat, Error error) {
  if (std::exchange(trouble_, error.code) != error.code) {
    log::warn("the publisher is asked again for rows",
              {{"code", error.code}, {"reason", error.message}, {"remedy", error.remedy}});
  }
  error.verdict = Verdict::Retry;
  seat.desk->fail(std::exchange(seat.asked, 0), std::move(error));
}

}  // namespace walbridge::kafka
