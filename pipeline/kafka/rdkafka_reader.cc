#include "pipeline/kafka/rdkafka_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace walbridge::kafka {
namespace {

constexpr std::int32_t kPartition = 0;
constexpr std::chrono::milliseconds kOutage{2000};  // shorter ones pass unsaid
constexpr std::size_t kStirAfterBytes = kReadAheadKib * 1024 / 4;

LogRecord record_of(const rd_kafka_message_t& message) {
  LogRecord record;
  record.offset = message.offset;
  record.timestamp_ms = rd_kafka_message_timestamp(&message, nullptr);
  record.value = {static_cast<const char*>(message.payload), message.len};
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* text = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &text, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    record.headers.emplace_back(name,
                                text == nullptr ? std::string() : std::string(static_cast<const char*>(text), size));
  }
  return record;
}

}  // namespace

RdkafkaReader::RdkafkaReader(std::unique_ptr<Client> client)
    : client_(std::move(client)), queue_(rd_kafka_queue_new(client_->get())) {}

RdkafkaReader::~RdkafkaReader() { stop(); }

void RdkafkaReader::stop() {
  current_.reset();
  pending_.reset();
  if (reading_) rd_kafka_consume_stop(client_->topic(), kPartition);
  reading_ = false;
}

Result<LogRange> RdkafkaReader::range() {
  LogRange range;
  auto code = client_->ask([&](int timeout_ms) {
    return rd_kafka_query_watermark_offsets(client_->get(), client_->place().topic.c_str(), kPartition, &range.low,
                                            &range.next, timeout_ms);
  });
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return range;
  // No record was asked for: a broker that is going or coming has answered something else.
  if (code == RD_KAFKA_RESP_ERR__BAD_MSG) code = RD_KAFKA_RESP_ERR__TRANSPORT;
  Error error = client_->explain(code, rd_kafka_err2str(code));
  if (error.code != "kafka-topic-missing") return error;
  MetadataHandle metadata;
  const auto state = client_->ask_for_topic(metadata);
  return state == RD_KAFKA_RESP_ERR_NO_ERROR ? error : client_->explain(state, rd_kafka_err2str(state));
}

Status RdkafkaReader::seek(std::int64_t offset) {
  stop();
  WALBRIDGE_TRY_AS(const LogRange range, this->range());
  if (offset < range.low || offset > range.next) {
    Error gone = answer_error(RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, "", client_->place());
    gone.message = fmt::format("topic {} holds offsets {} to {}, and {} was to be read", client_->place().topic,
                               range.low, range.next - 1, offset);
    return gone;
  }
  position_ = offset;
  end_ = range.next;
  seeked_at_ = Reach::Clock::now();
  if (rd_kafka_consume_start_queue(client_->topic(), kPartition, offset, queue_.get()) != 0) {
    const auto code = rd_kafka_last_error();
    return answer_error(code, rd_kafka_err2str(code), client_->place());
  }
  reading_ = true;
  return {};
}

Result<std::optional<LogRecord>> RdkafkaReader::next() {
  current_.reset();
  if (!reading_) {
    return Error{Verdict::Retry, "kafka-unreachable", fmt::format("topic {} is not being read", client_->place().topic),
                 ""};
  }
  while (true) {
    MessageHandle message = std::move(pending_);
    if (!message) message.reset(rd_kafka_consume_queue(queue_.get(), 0));
    if (!message) break;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      position_ = std::max(position_, message->offset);
      end_ = std::max(end_, position_);
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Error error = failure(*message);
      if (error.verdict == Verdict::Retry && error.code == "kafka-unreachable") continue;  // outage() has the say
      stop();
      return error;
    }
    if (message->offset < position_) continue;
    position_ = message->offset + 1;
    end_ = std::max(end_, position_);
    taken_bytes_ += message->len;
    if (taken_bytes_ >= kStirAfterBytes) stir();
    current_ = std::move(message);
    return std::optional<LogRecord>(record_of(*current_));
  }
  if (auto error = outage()) return *std::move(error);
  return std::optional<LogRecord>();
}

// librdkafka before 2.2 stops fetching when the read-ahead is full, and looks again only after up to a second, unless
// something else stirs the connection: the smallest question there is. Nobody waits for the answer.
void RdkafkaReader::stir() {
  taken_bytes_ = 0;
  const PartitionsHandle partitions(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(partitions.get(), client_->place().topic.c_str(), kPartition)->offset =
      RD_KAFKA_OFFSET_END;
  rd_kafka_offsets_for_times(client_->get(), partitions.get(), 1);
}

Error RdkafkaReader::failure(const rd_kafka_message_t& message) const {
  const char* text = rd_kafka_message_errstr(&message);
  Error error = answer_error(message.err, client_->scrubbed(text == nullptr ? "" : text), client_->place());
  if (error.verdict == Verdict::Gap) {
    error.message =
        fmt::format("topic {} has no record at offset {} any more, or not yet", client_->place().topic, position_);
  }
  return error;
}

std::optional<Error> RdkafkaReader::outage() {
  const auto lasted = client_->reach().unreachable(seeked_at_);
  if (!client_->reach().hopeless() && lasted < kOutage) return std::nullopt;
  auto trouble = client_->reach().trouble();
  if (trouble) stop();
  return trouble;
}

bool RdkafkaReader::at_end() const { return reading_ && position_ >= known_end(); }

std::int64_t RdkafkaReader::known_end() const {
  std::int64_t low = 0;
  std::int64_t high = -1;
  const auto code =
      rd_kafka_get_watermark_offsets(client_->get(), client_->place().topic.c_str(), kPartition, &low, &high);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? std::max(end_, high) : end_;
}

void RdkafkaReader::wait(std::chrono::milliseconds at_most, bool for_data) {
  if (for_data && pending_) return;
  if (!woken_.load() && at_most.count() > 0) {
    if (for_data && reading_) {
      pending_.reset(rd_kafka_consume_queue(queue_.get(), static_cast<int>(at_most.count())));
    } else {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, at_most, [&] { return woken_.load(); });
    }
  }
  woken_.store(false);
}

void RdkafkaReader::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    woken_.store(true);
  }
  changed_.notify_all();
  rd_kafka_queue_yield(queue_.get());
}

}  // namespace walbridge::kafka
