// Writer and reader on one real broker, in one process: what goes in comes out, and who waits is told.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "pipeline/kafka/open.h"

namespace walbridge::kafka {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

class KafkaLog : public testing::Test {
 protected:
  void SetUp() override {
    const char* brokers = std::getenv("WALBRIDGE_TEST_KAFKA_BROKERS");
    if (brokers == nullptr)
      GTEST_SKIP() << "WALBRIDGE_TEST_KAFKA_BROKERS is not set; run through tests/support/with_servers.py";
    static std::atomic<int> count{0};
    settings_.brokers = brokers;
    settings_.topic = "log-test-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
    settings_.control_topic = settings_.topic + ".control";
    settings_.allow_single_replica = true;
    const auto made = ensure_topics(settings_);
    ASSERT_TRUE(made) << made.error().message;
    auto writer = open_writer(settings_, Topic::Changes, 32 << 20);
    ASSERT_TRUE(writer) << writer.error().message;
    writer_ = *std::move(writer);
    auto reader = open_reader(settings_, Topic::Changes);
    ASSERT_TRUE(reader) << reader.error().message;
    reader_ = *std::move(reader);
  }

  void write(const Headers& headers, const std::string& value) {
    const auto taken = writer_->write(headers, value);
    ASSERT_TRUE(taken) << taken.error().message;
    ASSERT_TRUE(*taken);
    ++written_;
  }

  void confirm() {
    const auto until = Steady::now() + 60s;
    while (offsets_.size() < written_ && Steady::now() < until) {
      const auto reports = writer_->reports(100ms, offsets_);
      ASSERT_TRUE(reports) << reports.error().message;
    }
    ASSERT_EQ(offsets_.size(), written_);
  }

  std::optional<LogRecord> next() {
    const auto until = Steady::now() + 60s;
    while (Steady::now() < until) {
      auto record = reader_->next();
      EXPECT_TRUE(record) << record.error().message;
      if (!record || *record) return record ? *std::move(record) : std::nullopt;
      reader_->wait(100ms, true);
    }
    return std::nullopt;
  }

  config::Kafka settings_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<LogReader> reader_;
  std::size_t written_ = 0;
  std::vector<std::int64_t> offsets_;
};

TEST_F(KafkaLog, WhatIsWrittenIsRead) {
  const auto largest = largest_value(settings_);
  ASSERT_TRUE(largest) << largest.error().message;
  std::string noise(*largest, '\0');  // nothing compresses it
  std::uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
  write({{"k", "start"}, {"bytes", std::string("\0\xff", 2)}, {"empty", ""}}, "first");
  write({}, "");
  write({{"k", "block"}}, noise);
  confirm();
  EXPECT_EQ(offsets_, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(writer_->unconfirmed_bytes(), 0U);

  const auto range = reader_->range();
  ASSERT_TRUE(range) << range.error().message;
  EXPECT_EQ(range->low, 0);
  EXPECT_EQ(range->next, 3);
  ASSERT_TRUE(reader_->seek(0));
  EXPECT_FALSE(reader_->at_end());
  auto record = next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->offset, 0);
  EXPECT_EQ(record->value, "first");
  EXPECT_EQ(record->headers, (Headers{{"k", "start"}, {"bytes", std::string("\0\xff", 2)}, {"empty", ""}}));
  EXPECT_GT(record->timestamp_ms, 1'600'000'000'000);
  record = next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->value, "");
  record = next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->value, noise);
  EXPECT_TRUE(reader_->at_end());
  EXPECT_EQ(reader_->known_end(), 3);
}

TEST_F(KafkaLog, ReadsFromAnyOffsetAndAgain) {
  for (int i = 0; i < 100; ++i) write({}, std::to_string(i));
  confirm();
  for (const std::int64_t at : {99, 0, 50, 51}) {
    ASSERT_TRUE(reader_->seek(at));
    const auto record = next();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->offset, at);
    EXPECT_EQ(record->value, std::to_string(at));
  }
  ASSERT_TRUE(reader_->seek(100));
  EXPECT_TRUE(reader_->at_end());
  EXPECT_FALSE(*reader_->next());
  const auto gone = reader_->seek(101);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().verdict, Verdict::Gap);
  EXPECT_EQ(reader_->next().error().verdict, Verdict::Retry);  // until the next seek()
}

TEST_F(KafkaLog, AWaiterIsWokenByARecordOrByWake) {
  ASSERT_TRUE(reader_->seek(0));
  while (!reader_->at_end()) reader_->wait(100ms, true);
  write({}, "x");
  confirm();
  auto began = Steady::now();
  while (!*reader_->next()) reader_->wait(60s, true);
  EXPECT_LT(Steady::now() - began, 30s);

  std::thread other([&] { reader_->wake(); });
  began = Steady::now();
  reader_->wait(60s, true);
  other.join();
  EXPECT_LT(Steady::now() - began, 30s);

  // Records do not wake who cannot take any.
  write({}, "y");
  confirm();
  began = Steady::now();
  reader_->wait(200ms, false);
  EXPECT_GE(Steady::now() - began, 199ms);
  ASSERT_TRUE(next());
}

}  // namespace
}  // namespace walbridge::kafka
