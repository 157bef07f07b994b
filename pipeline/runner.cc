#include "pipeline/runner.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "pipeline/admin.h"
#include "pipeline/api/log.h"
#include "pipeline/backfill_reader.h"
#include "pipeline/metrics.h"
#include "pipeline/thread_name.h"

namespace walbridge::pipeline {
namespace {

using namespace std::chrono_literals;

constexpr auto kSupervisePause = 100ms;
constexpr std::int64_t kSlotPollMs = 10'000;
constexpr std::int64_t kSecondSlotPollMs = 1'000;
constexpr auto kStopDeadline = 4500ms;
constexpr std::int64_t kReviveAfterMs = 30'000;
constexpr auto kLastReports = 3000ms;
constexpr std::chrono::milliseconds kRequestPause{100};

std::chrono::milliseconds until(std::int64_t wake_at_ms, const Clock& clock) {
  constexpr std::int64_t kLongest = 500;
  if (wake_at_ms == 0) return std::chrono::milliseconds(kLongest);
  return std::chrono::milliseconds(std::clamp<std::int64_t>(wake_at_ms - clock.now_ms(), 1, kLongest));
}

bool can_recover(const Error& error) { return error.verdict != Verdict::Gap && error.code != "fenced"; }

class Runner {
 public:
  Runner(Bridge& bridge, const RunOptions& options, const std::atomic<bool>& stop)
      : bridge_(bridge), options_(options), stop_(stop) {}

  // The other half of a bridge through Kafka: shown with this one, which answers for both.
  void accompany(const Runner& companion) { companion_ = &companion; }

  RunOutcome run() {
    // Before anything is fenced or changed: whoever cannot have the address must leave the others alone.
    if (options_.serve_admin) {
      if (auto admin = start_admin(); !admin) return {ExitReason::SystemUnusable, admin.error()};
    }
    if (auto prepared = bridge_.prepare(stop_); !prepared) {
      const auto gap = prepared.error().verdict == Verdict::Gap;
      return {gap ? ExitReason::Gap : ExitReason::SystemUnusable, prepared.error()};
    }
    prepared_ = true;
    std::jthread loader([this] { load_caches(); });
    reader_thread_ = std::jthread([this] { read(); });
    backfill_thread_ = std::jthread([this] { backfill(); });
    supervise();
    leave_in_time();
    loader.join();
    for (auto& cache : bridge_.caches()) cache->link.wake();
    lane_threads_.clear();
    if (auto* topic = bridge_.topic()) {
      topic->link.wake();
      topic->requests.wake();
      if (publish_thread_.joinable()) publish_thread_.join();
    }
    backfill_asked_.notify_all();
    backfill_thread_.join();
    reader_ending_ = true;
    bridge_.source().wake();
    reader_thread_.join();
    bridge_.drop_unused_slot();
    *left_ = true;
    return outcome_;
  }

 private:
  bool ending() const { return ending_; }

  Status start_admin() {
    const auto& settings = bridge_.config().admin;
    if (settings.listen.empty()) return Done{};
    const auto limit = settings.ready_max_lag_seconds;
    return admin_.start(settings.listen,
                        {[this] { return prepared_ ? metrics() : std::string(); },
                         [this, limit] { return to_json(prepared_ ? status() : starting(), limit); },
                         [this, limit] { return (prepared_ ? status() : starting()).not_ready(limit); }});
  }

  // What there is to say before prepare() is done.
  BridgeStatus starting() const {
    BridgeStatus status;
    const auto& config = bridge_.config();
    status.name = config.name;
    status.only_applies = config.kafka && !config.publishes();
    if (const auto* topic = bridge_.topic_stats())
      status.topic = take_status(*topic, config.kafka->topic, bridge_.clock());
    return status;
  }

  BridgeStatus own_status() const {
    const std::scoped_lock lock(slot_mutex_);
    return take_status(bridge_, slot_);
  }

  BridgeStatus status() const {
    auto all = own_status();
    if (companion_ != nullptr && companion_->prepared_) add_publisher(all, companion_->own_status());
    return all;
  }

  std::string metrics() const {
    const bool both = companion_ != nullptr && companion_->prepared_;
    return render_metrics(bridge_, both ? &companion_->bridge_ : nullptr, status());
  }

  // Snapshots take minutes; supervision, status and a stop request must not wait for them.
  void load_caches() {
    name_thread("loader");
    std::int64_t slot_due_ms = 0;
    std::uint64_t seen_starts = 0;
    while (!ending()) {
      bridge_.bring_up_caches(ending_, [this](Cache& cache) {
        if (lane_threads_.contains(&cache)) return;
        lane_threads_.emplace(&cache, std::jthread([this, &cache] { apply(cache); }));
      });
      const auto now = bridge_.clock().now_ms();
      // A stream that had to be opened again may mean that the server was gone, and the lock with it: looking at the
      // slot connects again and takes it.
      const auto starts = bridge_.reader_stats().starts.load();
      if (starts != seen_starts) slot_due_ms = std::min(slot_due_ms, now);
      seen_starts = starts;
      if (now >= slot_due_ms) {
        // The first look comes before the stream is open; the second soon after.
        slot_due_ms = now + (slot_due_ms == 0 ? kSecondSlotPollMs : kSlotPollMs);
        poll_slot();
      }
      if (bridge_.topic() != nullptr) tend_topic();
      bridge_.tend_schema();
      ++loader_rounds_;
      std::unique_lock lock(pause_mutex_);
      pause_.wait_for(lock, kSupervisePause, [this] { return ending(); });
    }
  }

  void tend_topic() {
    if (!bridge_.bring_up_topic()) return;
    if (!publish_thread_.joinable()) publish_thread_ = std::jthread([this] { publish(); });
    bridge_.serve_requests();
  }

  void publish() {
    name_thread("publisher");
    auto& topic = *bridge_.topic();
    bool was_open = false;
    while (!ending()) {
      auto step = topic.publisher.step();
      was_open = was_open || topic.stats.open;
      if (!step) {
        // What was wrong from the beginning is told at once; later a person may mend it meanwhile.
        if (!was_open) return give_up(ExitReason::SystemUnusable, step.error());
      } else if (*step == Step::Progressed) {
        continue;
      }
      if (options_.once && !was_open && give_up_unless_open(topic)) return;
      topic.link.wait(until(topic.publisher.wake_at_ms(), bridge_.clock()));
    }
    topic.publisher.finish(kLastReports);
  }

  // `--once` waits for nobody.
  bool give_up_unless_open(const kafka::PublishedTopic& topic) {
    std::optional<Error> error;
    {
      const std::scoped_lock lock(topic.stats.mutex);
      error = topic.stats.last_error;
    }
    if (!error) return false;
    give_up(ExitReason::SystemUnusable, *error);
    return true;
  }

  void poll_slot() {
    auto slot = bridge_.admin().slot_status();
    const std::scoped_lock lock(slot_mutex_);
    if (slot) {
      slot_ = *std::move(slot);
    } else if (slot.error().code == "slot-lost" && slot_) {
      slot_->wal_status = "lost";
      slot_->safe_bytes.reset();
    }
  }

  void read() {
    name_thread("reader");
    auto& reader = bridge_.reader();
    while (!reader_ending_) {
      auto step = reader.step();
      if (!step) {
        const auto& error = step.error();
        log::error("source", {{"code", error.code}, {"error", error.message}, {"remedy", error.remedy}});
        const bool hopeless = error.verdict == Verdict::Gap || (options_.once && error.verdict == Verdict::Operator);
        if (hopeless) give_up(error.verdict == Verdict::Gap ? ExitReason::Gap : ExitReason::SystemUnusable, error);
      } else if (*step == Step::Progressed) {
        continue;
      }
      bridge_.source().wait(until(reader.wake_at_ms(), bridge_.clock()), reader.takes_data());
    }
    reader.finish();
  }

  // Tables that are copied while the stream goes on. A chunk may wait for transactions at the source.
  void backfill() {
    name_thread("backfill");
    if (bridge_.topic() != nullptr) return serve_copies(*bridge_.topic());
    std::vector<BackfillDesk*> desks;
    for (auto& cache : bridge_.caches()) {
      desks.push_back(&cache->desk);
      cache->desk.on_ask([this] {
        const std::scoped_lock lock(backfill_mutex_);
        backfill_wanted_ = true;
        backfill_asked_.notify_all();
      });
    }
    if (auto* chunks = bridge_.chunks()) return ask_publisher(*chunks);
    BackfillReader reader(bridge_.backfill(), std::move(desks), bridge_.clock(), bridge_.seed(),
                          [this](std::uint32_t oid) { bridge_.describe_again(oid); });
    while (!ending()) {
      if (reader.step() == Step::Progressed) continue;
      std::unique_lock lock(backfill_mutex_);
      backfill_asked_.wait_for(lock, until(reader.wake_at_ms(), bridge_.clock()),
                               [this] { return backfill_wanted_ || ending(); });
      backfill_wanted_ = false;
    }
    bridge_.backfill().close();
  }

  void ask_publisher(kafka::ChunkClient& chunks) {
    while (!ending()) {
      if (chunks.step() == Step::Progressed) continue;
      std::unique_lock lock(backfill_mutex_);
      backfill_asked_.wait_for(lock, until(chunks.wake_at_ms(), bridge_.clock()),
                               [this] { return backfill_wanted_ || ending(); });
      backfill_wanted_ = false;
    }
  }

  // Reads for appliers what they ask for.
  void serve_copies(kafka::PublishedTopic& topic) {
    BackfillReader reader(bridge_.backfill(), {&topic.copies.desk()}, bridge_.clock(), bridge_.seed(),
                          [this](std::uint32_t oid) { bridge_.describe_again(oid); });
    while (!ending()) {
      if (topic.requests.step() == Step::Progressed) continue;
      if (reader.step() == Step::Progressed) continue;
      topic.requests.wait(std::min(until(reader.wake_at_ms(), bridge_.clock()), kRequestPause));
    }
    bridge_.backfill().close();
  }

  void apply(Cache& cache) {
    name_thread("cache " + cache.settings.name);
    while (!ending()) {
      auto step = cache.lane.step();
      if (step) {
        if (*step == Step::Idle) cache.link.wait(until(cache.lane.wake_at_ms(), bridge_.clock()));
        continue;
      }
      const auto& error = step.error();
      log::error(
          "cache stopped",
          {{"sink", cache.settings.name}, {"code", error.code}, {"error", error.message}, {"remedy", error.remedy}});
      cache.phase = CachePhase::Failed;
      if (!can_recover(error)) return lane_ended(error);
      const auto revive_at = bridge_.clock().now_ms() + kReviveAfterMs;
      while (!ending() && bridge_.clock().now_ms() < revive_at) cache.link.wait(500ms);
      cache.lane.revive();
      cache.phase = CachePhase::Streaming;
    }
    cache.lane.finish();
  }

  void lane_ended(const Error& error) {
    const auto all = std::all_of(bridge_.caches().begin(), bridge_.caches().end(),
                                 [](const auto& cache) { return cache->phase == CachePhase::Failed; });
    if (all) give_up(error.verdict == Verdict::Gap ? ExitReason::Gap : ExitReason::SystemUnusable, error);
  }

  void give_up(ExitReason reason, const Error& error) {
    {
      const std::scoped_lock lock(pause_mutex_);
      if (!outcome_.error) outcome_ = {reason, error};
      ending_ = true;
    }
    pause_.notify_all();
  }

  void supervise() {
    bool done = !options_.once;
    while (!ending() && !stop_) {
      const auto now = status();
      if (options_.on_progress) options_.on_progress(now);
      if (options_.once && (done = once_is_done(now))) break;
      std::unique_lock lock(pause_mutex_);
      pause_.wait_for(lock, kSupervisePause, [this] { return ending(); });
    }
    if (options_.on_progress) options_.on_progress(status());
    if (!done && !ending()) {
      log::warn("stopped before all was done; the next run goes on");
      outcome_.reason = ExitReason::FoundSomething;
    }
    ending_ = true;
    pause_.notify_all();
  }

  // `--once` ends when every cache has what the source held at the start, or when one cannot get there.
  bool once_is_done(const BridgeStatus& now) {
    bool all_there = true;
    Lsn target = bridge_.target();
    if (bridge_.topic() != nullptr) all_there = bridge_.topic()->stats.published_lsn >= target.value;
    if (companion_ != nullptr) {
      if (!companion_->prepared_) return false;
      target = std::max(target, companion_->bridge_.target());
    }
    for (const auto& cache : now.caches) {
      if (cache.phase == CachePhase::Failed ||
          (cache.phase == CachePhase::Waiting && loader_rounds_ > 0 && cache.last_error)) {
        const auto gap = cache.last_error && cache.last_error->verdict == Verdict::Gap;
        give_up(
            gap ? ExitReason::Gap : ExitReason::SystemUnusable,
            cache.last_error.value_or(Error{Verdict::Operator, "failed", "sink " + cache.name + " failed", {}, {}}));
        return true;
      }
      all_there = all_there && cache.phase == CachePhase::Streaming && cache.settled && !cache.wants_load &&
                  cache.checkpoint.end_lsn >= target && !cache.is_copying();
    }
    if (!all_there) return waits_for_nobody(now);
    for (const auto& cache : now.caches) {
      for (const auto& table : cache.tables) {
        if (table.state == TableState::Stopped && table.code != "not-selected" && table.code != "dropped") {
          outcome_.reason = ExitReason::FoundSomething;
        }
      }
    }
    return true;
  }

  // Rows that only a publisher can send, and none answers.
  bool waits_for_nobody(const BridgeStatus& now) {
    if (bridge_.chunks() == nullptr || !bridge_.chunks()->unanswered()) return false;
    std::set<std::string> tables;
    for (const auto& cache : now.caches) {
      for (const auto& table : cache.tables) {
        if (table.state == TableState::Pending || !table.backfill.empty()) tables.insert(table.source_name);
      }
    }
    give_up(ExitReason::SystemUnusable,
            {Verdict::Retry,
             "kafka-no-publisher",
             fmt::format("the publisher does not answer, and these wait for rows: {}", fmt::join(tables, ", ")),
             kafka::kStartPublisher,
             {}});
    return true;
  }

  // A second path out for a system call that does not return: everything durable is durable already.
  void leave_in_time() {
    const int code = outcome_.error ? (outcome_.reason == ExitReason::Gap ? 4 : 3) : 0;
    std::thread([left = left_, code] {
      const auto deadline = std::chrono::steady_clock::now() + kStopDeadline;
      while (std::chrono::steady_clock::now() < deadline) {
        if (*left) return;
        std::this_thread::sleep_for(50ms);
      }
      if (*left) return;
      log::warn("leaving without waiting any longer; the next start goes on from the stored checkpoints");
      std::_Exit(code);
    }).detach();
  }

  Bridge& bridge_;
  const RunOptions& options_;
  const std::atomic<bool>& stop_;
  std::atomic<bool> prepared_{false};
  std::atomic<bool> ending_{false};
  std::atomic<bool> reader_ending_{false};
  std::shared_ptr<std::atomic<bool>> left_ = std::make_shared<std::atomic<bool>>(false);
  std::atomic<int> loader_rounds_{0};
  mutable std::mutex slot_mutex_;
  std::optional<SlotStatus> slot_;
  std::mutex pause_mutex_;
  std::condition_variable pause_;
  RunOutcome outcome_;
  std::map<Cache*, std::jthread> lane_threads_;
  std::jthread reader_thread_;
  std::jthread publish_thread_;
  const Runner* companion_ = nullptr;
  std::mutex backfill_mutex_;
  std::condition_variable backfill_asked_;
  bool backfill_wanted_ = false;
  std::jthread backfill_thread_;
  AdminServer admin_;
};

}  // namespace

RunOutcome run_both(Bridge& publish, Bridge& apply, const RunOptions& options, const std::atomic<bool>& stop) {
  RunOptions behind;
  behind.serve_admin = false;
  std::atomic<bool> stop_publishing{false};
  std::atomic<bool> stop_applying{false};
  Runner publisher(publish, behind, stop_publishing);
  Runner applier(apply, options, stop_applying);
  applier.accompany(publisher);
  RunOutcome published;
  std::jthread publishing([&] {
    published = publisher.run();
    stop_applying = true;
  });
  std::jthread stopping([&](const std::stop_token& over) {
    while (!over.stop_requested() && !stop) std::this_thread::sleep_for(kSupervisePause);
    stop_applying = true;
  });
  auto applied = applier.run();
  stopping.request_stop();
  stop_publishing = true;
  publishing.join();
  return published.error ? published : applied;
}

RunOutcome run_bridge(Bridge& bridge, const RunOptions& options, const std::atomic<bool>& stop) {
  return Runner(bridge, options, stop).run();
}

}  // namespace walbridge::pipeline
