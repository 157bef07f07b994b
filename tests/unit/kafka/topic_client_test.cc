// How long, and with what words, an applier waits for a publisher.
#include "pipeline/kafka/topic_client.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/kafka/topic_admin.h"

namespace walbridge::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WaitedClock final : public Clock {
 public:
  std::int64_t now_ms() const override { return now; }
  Timestamp wall() const override { return Timestamp{now * 1000}; }
  std::int64_t now = 1;
};

// Time passes only while somebody waits.
class Log final : public LogReader {
 public:
  explicit Log(WaitedClock& clock) : clock_(clock) {}
  Result<LogRange> range() override {
    if (unreachable) {
      return Error{Verdict::Retry, "kafka-unreachable", "nobody answers, " + std::to_string(clock_.now), "", {}};
    }
    return LogRange{0, clock_.now >= published_at ? 1 : 0};
  }
  Status seek(std::int64_t offset) override {
    at_ = offset;
    return Done{};
  }
  Result<std::optional<LogRecord>> next() override {
    if (at_ > 0) return std::optional<LogRecord>();
    RecordHead head;
    head.kind = RecordKind::Progress;
    head.stream = head.writer = "stream";
    head.source_id = "1/1/1/shop/slot";
    head.to = Lsn{1};
    at_ = 1;
    return std::optional<LogRecord>({0, 1'000, to_headers(head), {}});
  }
  bool at_end() const override { return at_ > 0; }
  std::int64_t known_end() const override { return 1; }
  void wait(std::chrono::milliseconds at_most, bool) override { clock_.now += at_most.count(); }
  void wake() noexcept override {}

  std::int64_t published_at = INT64_MAX;
  bool unreachable = false;

 private:
  WaitedClock& clock_;
  std::int64_t at_ = 0;
};

class TopicClientTest : public ::testing::Test {
 protected:
  TopicClientTest() {
    config::Kafka settings;
    settings.topic = "shop.changes";
    auto reader = std::make_unique<Log>(clock_);
    log_ = reader.get();
    client_ = std::make_shared<TopicClient>(
        settings,
        TopicClient::Logs{[held = std::make_shared<std::unique_ptr<Log>>(std::move(reader))] {
                            return Result<std::unique_ptr<LogReader>>(std::move(*held));
                          },
                          {}},
        "asker", clock_, 1);
    client_->on_wait(
        [this](const std::optional<Error>& error) { said_.push_back(error ? describe(*error) : "heard"); });
  }

  WaitedClock clock_;
  Log* log_ = nullptr;
  std::shared_ptr<TopicClient> client_;
  std::vector<std::string> said_;
};

TEST_F(TopicClientTest, SaysOnceThatNobodyPublishesAndThatSomebodyDoes) {
  EXPECT_EQ(client_->end(30s).error().code, "kafka-no-publisher");
  EXPECT_GE(clock_.now, 30'000);
  EXPECT_EQ(client_->end(3s).error().code, "kafka-no-publisher");
  EXPECT_THAT(said_, ElementsAre(AllOf(HasSubstr("topic shop.changes: nobody has published into it yet"),
                                       HasSubstr("kafka.role: publish"))));
  log_->published_at = clock_.now + 5'000;
  const auto end = client_->end(30s);
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->written_ms, 1'000);
  ASSERT_EQ(said_.size(), 2U);
  EXPECT_EQ(said_[1], "heard");
}

TEST_F(TopicClientTest, SaysNothingOfAMoment) {
  log_->published_at = 1'000;
  ASSERT_TRUE(client_->end(30s));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(TopicClientTest, SaysThatBrokersAreAwayAndWhatIsMissingThen) {
  log_->unreachable = true;
  EXPECT_EQ(client_->end(5s).error().code, "kafka-unreachable");
  log_->unreachable = false;
  EXPECT_EQ(client_->end(5s).error().code, "kafka-no-publisher");
  EXPECT_THAT(said_, ElementsAre(HasSubstr("kafka-unreachable"), HasSubstr("nobody has published")));
}

TEST_F(TopicClientTest, BrokersThatAreAwayAreNotWaitedForAsAPublisherIs) {
  log_->unreachable = true;
  TopicAdmin admin(client_, true, [] { return std::vector<Finding>{}; });
  EXPECT_EQ(admin.describe_tables().error().code, "kafka-unreachable");
  EXPECT_LE(clock_.now, 10'000);
}

}  // namespace
}  // namespace walbridge::kafka
