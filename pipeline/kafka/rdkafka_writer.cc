#include "pipeline/kafka/rdkafka_writer.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace walbridge::kafka {
namespace {

constexpr std::int32_t kPartition = 0;        // always said, never a partitioner's choice
constexpr std::size_t kRecordOverhead = 256;  // what librdkafka keeps beside a record
constexpr std::size_t kErrorSize = 512;
constexpr int kReasonWithinMs = 1000;

std::size_t size_of(const Headers& headers, std::string_view value) {
  std::size_t bytes = value.size() + kRecordOverhead;
  for (const auto& [name, text] : headers) bytes += name.size() + text.size();
  return bytes;
}

}  // namespace

RdkafkaWriter::RdkafkaWriter(std::unique_ptr<Client> client, std::size_t queue_bytes)
    : client_(std::move(client)), events_(rd_kafka_queue_get_main(client_->get())), queue_bytes_(queue_bytes) {}

RdkafkaWriter::~RdkafkaWriter() {
  rd_kafka_queue_cb_event_enable(events_.get(), nullptr, nullptr);
  // What was not confirmed is the caller's to write again; waiting for it here would take as long as the outage.
  rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

void RdkafkaWriter::on_report(std::function<void()> callback) {
  on_report_ = std::move(callback);
  rd_kafka_queue_cb_event_enable(
      events_.get(), [](rd_kafka_t*, void* self) { static_cast<RdkafkaWriter*>(self)->on_report_(); }, this);
}

Result<bool> RdkafkaWriter::write(const Headers& headers, std::string_view value) {
  if (end_) return *end_;
  const std::size_t bytes = size_of(headers, value);
  if (!unconfirmed_.empty() && unconfirmed_bytes_ + bytes > queue_bytes_) return false;
  HeadersHandle record_headers(rd_kafka_headers_new(headers.size()));
  for (const auto& [name, text] : headers) {
    rd_kafka_header_add(record_headers.get(), name.data(), static_cast<ssize_t>(name.size()), text.data(),
                        static_cast<ssize_t>(text.size()));
  }
  const auto code = produce(value, record_headers.get());
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) return false;
  if (code == RD_KAFKA_RESP_ERR__FATAL) return false;  // reports() says why
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    finish(client_->explain(code, rd_kafka_err2str(code)));
    return *end_;
  }
  record_headers.release();  // NOLINT(bugprone-unused-return-value): the record's now
  unconfirmed_.push_back({bytes, Reach::Clock::now()});
  unconfirmed_bytes_ += bytes;
  return true;
}

rd_kafka_resp_err_t RdkafkaWriter::produce(std::string_view value, rd_kafka_headers_t* headers) {
  std::array<rd_kafka_vu_t, 5> what{};
  what[0].vtype = RD_KAFKA_VTYPE_RKT;
  what[0].u.rkt = client_->topic();
  what[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  what[1].u.i32 = kPartition;
  what[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  what[2].u.i = RD_KAFKA_MSG_F_COPY;
  what[3].vtype = RD_KAFKA_VTYPE_VALUE;
  what[3].u.mem.ptr = const_cast<char*>(value.data());
  what[3].u.mem.size = value.size();
  what[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  what[4].u.headers = headers;
  rd_kafka_error_t* error = rd_kafka_produceva(client_->get(), what.data(), what.size());
  if (error == nullptr) return RD_KAFKA_RESP_ERR_NO_ERROR;
  const auto code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  return code;
}

Status RdkafkaWriter::reports(std::chrono::milliseconds at_most, std::vector<std::int64_t>& offsets) {
  const std::size_t before = offsets.size();
  const auto until = Reach::Clock::now() + at_most;
  while (!end_) {
    const bool nothing_yet = offsets.size() == before && !woken_.load();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Reach::Clock::now());
    int wait_ms = nothing_yet && left.count() > 0 ? static_cast<int>(left.count()) : 0;
    if (fatal_) wait_ms = kReasonWithinMs;
    const EventHandle event(rd_kafka_queue_poll(events_.get(), wait_ms));
    if (event) {
      take(event.get(), offsets);
    } else if (fatal_) {
      finish(*fatal_);
    } else if (wait_ms == 0 || woken_.load() || Reach::Clock::now() >= until) {
      break;
    }
  }
  woken_.store(false);
  if (end_) return *end_;
  return {};
}

void RdkafkaWriter::take(rd_kafka_event_t* event, std::vector<std::int64_t>& offsets) {
  if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) {
      if (!end_) confirm(*message, offsets);
    }
    return;
  }
  if (!client_->note(event)) return;
  std::array<char, kErrorSize> text{};
  const auto code = rd_kafka_fatal_error(client_->get(), text.data(), text.size());
  // The report of the record that was refused says more; it is behind this event.
  fatal_ = answer_error(code, client_->scrubbed(text.data()), client_->place());
}

void RdkafkaWriter::confirm(const rd_kafka_message_t& message, std::vector<std::int64_t>& offsets) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const bool follows =
        message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (follows && fatal_) return finish(*fatal_);
    return finish(answer_error(message.err, rd_kafka_err2str(message.err), client_->place()));
  }
  if (message.offset <= last_offset_) {
    return finish(
        {Verdict::Operator, "kafka-log-rewound",
         fmt::format("topic {} went back: a record got offset {} after another had {}; it was deleted and made "
                     "anew, or an older copy of it was restored",
                     client_->place().topic, message.offset, last_offset_),
         "what was in it is lost; walbridge begins a new stream, and caches copy their tables again"});
  }
  last_offset_ = message.offset;
  offsets.push_back(message.offset);
  unconfirmed_bytes_ -= unconfirmed_.front().bytes;
  unconfirmed_.pop_front();
}

// Nothing more is sent, so nothing is stored behind the record that is missing.
void RdkafkaWriter::finish(Error error) {
  if (end_) return;
  end_ = std::move(error);
  rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  unconfirmed_.clear();
  unconfirmed_bytes_ = 0;
}

std::int64_t RdkafkaWriter::unreachable_ms() const {
  std::optional<Reach::Clock::time_point> waiting_since;
  if (!unconfirmed_.empty()) waiting_since = unconfirmed_.front().since;
  return client_->reach().unreachable(waiting_since).count();
}

std::optional<Error> RdkafkaWriter::trouble() const {
  return unreachable_ms() == 0 ? std::nullopt : client_->reach().trouble();
}

void RdkafkaWriter::wake() noexcept {
  woken_.store(true);
  rd_kafka_queue_yield(events_.get());
}

}  // namespace walbridge::kafka
