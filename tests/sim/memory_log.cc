#include "tests/sim/memory_log.h"

#include <algorithm>
#include <utility>

namespace walbridge::sim {
namespace {

constexpr std::size_t kQueueBytes = 8 * 1024;

Error unreachable() { return {Verdict::Retry, "kafka-unreachable", "simulated", {}, {}}; }
Error offset_gone() { return {Verdict::Gap, "kafka-offset-gone", "no such offset", {}, {}}; }

}  // namespace

class MemoryWriter final : public kafka::LogWriter {
 public:
  MemoryWriter(MemoryLog& log, std::shared_ptr<MemoryLog::Producer> producer)
      : log_(log), producer_(std::move(producer)) {}
  ~MemoryWriter() override {
    producer_->gone = true;
    if (producer_->outlived_topic) producer_->queued.clear();
  }

  Result<bool> write(const kafka::Headers& headers, std::string_view value) override {
    if (producer_->end) return *producer_->end;
    if (log_.happens(log_.faults.full)) return false;
    if (producer_->unconfirmed_bytes > 0 && producer_->unconfirmed_bytes + value.size() > kQueueBytes) return false;
    producer_->queued.push_back(
        std::make_shared<MemoryLog::Record>(MemoryLog::Record{headers, std::string(value), log_.clock_.now_ms()}));
    producer_->unconfirmed_bytes += value.size() + 1;
    return true;
  }

  Status reports(std::chrono::milliseconds at_most, std::vector<std::int64_t>& offsets) override {
    if (producer_->stored.empty() && at_most.count() > 0) {
      log_.clock_.ms += at_most.count();
      log_.step();
    }
    auto most = log_.happens(log_.faults.late) ? 0 : 1 + log_.random_() % 4;
    for (; most > 0 && !producer_->end && !producer_->stored.empty(); --most) {
      const auto [offset, record] = producer_->stored.front();
      producer_->stored.pop_front();
      if (offset <= producer_->last_offset) {
        fail({Verdict::Operator, "kafka-log-rewound", "offsets went back", {}, {}});
        break;
      }
      producer_->last_offset = offset;
      producer_->unconfirmed_bytes -= record->value.size() + 1;
      if (log_.on_report) log_.on_report({offset, record->timestamp_ms, record->headers, record->value});
      offsets.push_back(offset);
    }
    if (producer_->end) return *producer_->end;
    return {};
  }

  void on_report(std::function<void()>) override {}
  std::size_t unconfirmed_bytes() const override { return producer_->unconfirmed_bytes; }
  std::int64_t unreachable_ms() const override { return 0; }
  std::optional<Error> trouble() const override { return std::nullopt; }
  void wake() noexcept override {}

 private:
  void fail(Error error) {
    producer_->end = std::move(error);
    producer_->queued.clear();
    producer_->unconfirmed_bytes = 0;
  }

  MemoryLog& log_;
  std::shared_ptr<MemoryLog::Producer> producer_;
};

class MemoryReader final : public kafka::LogReader {
 public:
  explicit MemoryReader(MemoryLog& log) : log_(log) {}

  Result<kafka::LogRange> range() override {
    if (log_.happens(log_.faults.read_error)) return unreachable();
    return log_.range();
  }

  Status seek(std::int64_t offset) override {
    reading_ = false;
    if (log_.happens(log_.faults.read_error)) return unreachable();
    const auto range = log_.range();
    if (offset < range.low || offset > range.next) return offset_gone();
    position_ = offset;
    heard_end_ = range.next;
    reading_ = true;
    return {};
  }

  Result<std::optional<kafka::LogRecord>> next() override {
    if (!reading_ || log_.happens(log_.faults.read_error)) {
      reading_ = false;
      return unreachable();
    }
    if (log_.happens(log_.faults.deaf)) return std::optional<kafka::LogRecord>();
    const auto range = log_.range();
    if (position_ < range.low || position_ > range.next) {
      reading_ = false;
      return offset_gone();
    }
    heard_end_ = std::max(heard_end_, range.next);
    if (position_ == range.next) return std::optional<kafka::LogRecord>();
    current_ = log_.records_[static_cast<std::size_t>(position_ - range.low)];
    return std::optional(kafka::LogRecord{position_++, current_->timestamp_ms, current_->headers, current_->value});
  }

  bool at_end() const override { return reading_ && position_ >= heard_end_; }
  std::int64_t known_end() const override { return heard_end_; }
  void wait(std::chrono::milliseconds at_most, bool) override {
    log_.clock_.ms += at_most.count();
    log_.step();
  }
  void wake() noexcept override {}

 private:
  MemoryLog& log_;
  bool reading_ = false;
  std::int64_t position_ = 0;
  std::int64_t heard_end_ = -1;
  std::shared_ptr<const MemoryLog::Record> current_;
};

std::unique_ptr<kafka::LogWriter> MemoryLog::writer() {
  producers_.push_back(std::make_shared<Producer>());
  return std::make_unique<MemoryWriter>(*this, producers_.back());
}

std::unique_ptr<kafka::LogReader> MemoryLog::reader() { return std::make_unique<MemoryReader>(*this); }

void MemoryLog::step() {
  std::erase_if(producers_, [](const auto& producer) { return producer->gone && producer->queued.empty(); });
  if (producers_.empty()) return;
  auto& producer = *producers_[random_() % producers_.size()];
  if (producer.queued.empty()) return;
  if (producer.gone && random_() % 4 == 0) {
    producer.queued.clear();
    return;
  }
  for (auto most = 1 + random_() % 3; most > 0 && !producer.queued.empty(); --most) {
    if (!producer.gone && happens(faults.refuse)) {
      producer.end = Error{Verdict::Operator, "kafka-refused", "simulated", {}, {}};
      producer.queued.clear();
      return;
    }
    producer.stored.push_back({range().next, producer.queued.front()});
    records_.push_back(producer.queued.front());
    producer.queued.pop_front();
  }
}

void MemoryLog::recreate() {
  for (auto& producer : producers_) producer->outlived_topic = true;
  records_.clear();
  low_ = 0;
}

void MemoryLog::rewind(std::int64_t next) {
  for (auto& producer : producers_) producer->outlived_topic = true;
  records_.resize(static_cast<std::size_t>(next - low_));
}

void MemoryLog::retain_from(std::int64_t low) {
  records_.erase(records_.begin(), records_.begin() + (low - low_));
  low_ = low;
}

void MemoryLog::forget_zombies() {
  std::erase_if(producers_, [](const auto& producer) { return producer->gone; });
}

bool MemoryLog::has_zombies() const {
  return std::any_of(producers_.begin(), producers_.end(),
                     [](const auto& producer) { return producer->gone && !producer->queued.empty(); });
}

kafka::LogRecord MemoryLog::at(std::int64_t offset) const {
  const auto& record = *records_.at(static_cast<std::size_t>(offset - low_));
  return {offset, record.timestamp_ms, record.headers, record.value};
}

}  // namespace walbridge::sim
