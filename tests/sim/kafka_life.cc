#include "tests/sim/kafka_life.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "pipeline/kafka/record.h"

namespace walbridge::sim {

using kafka::RecordHead;
using kafka::RecordKind;

namespace {

constexpr Lsn kSlotMadeAt{1000};

RecordHead head_at(const MemoryLog& log, std::int64_t offset) {
  auto head = kafka::head_of(log.at(offset));
  EXPECT_TRUE(head) << describe(head.error());
  return head ? *head : RecordHead{};
}

}  // namespace

KafkaLife::KafkaLife(std::uint64_t seed, std::size_t caches)
    : random_(seed),
      source_(seed ^ 0x9e37, {kTables, kTables + 3}),
      backfill_(source_, seed ^ 0x51ed),
      changes_(random_, clock_),
      control_(random_, clock_) {
  changes_.on_report = [this](const kafka::LogRecord& record) {
    const auto head = kafka::head_of(record);
    ASSERT_TRUE(head) << describe(head.error());
    if (head->slice + 1 >= head->slices) reported_ = std::max(reported_, head->to);
  };
  source_.meanwhile = [this] {
    if (publishing_ && publishing_->publisher && random_() % 2 == 0) publisher_step();
  };
  (void)source_.confirm(kSlotMadeAt);
  reported_ = kSlotMadeAt;
  start_publisher();
  while (changes_.range().next == 0) {
    publisher_step();
    changes_.step();
  }
  fresh_slot_ = false;
  stream_ = head_at(changes_, 0).stream;
  caches_.resize(caches);
  for (auto& cache : caches_) cache.faults->random = &random_;
  start_applier();
}

void KafkaLife::start_publisher() {
  publishing_ = std::make_unique<PublisherProcess>();
  auto& process = *publishing_;
  kafka::PublisherOptions options;
  options.topic = "t";
  options.source_id = kSourceId;
  options.writer = "w" + std::to_string(++lives_);
  options.block_bytes = random_() % 3 == 0 ? 1 : 100 + random_() % 600;
  options.part_bytes = 300 + random_() % 300;
  options.most_unconfirmed = 2'000 + random_() % 6'000;
  options.progress_ms = 2'000;
  options.seed = random_();
  const std::size_t largest = random_() % 3 == 0 ? 100'000 : 120 + random_() % 400;
  kafka::Publisher::Logs logs;
  logs.ensure_topics = [] { return Status(); };
  logs.largest_value = [largest] { return Result<std::size_t>(largest); };
  logs.writer = [this] { return Result<std::unique_ptr<kafka::LogWriter>>(changes_.writer()); };
  logs.reader = [this] { return Result<std::unique_ptr<kafka::LogReader>>(changes_.reader()); };
  process.requests = std::make_unique<kafka::RequestServer>(control_.reader(), process.copies, clock_);
  for (const auto& table : plan_.tables) process.requests->approve(table, false);
  process.publisher = std::make_unique<kafka::Publisher>(std::move(logs), process.link, process.copies, process.stats,
                                                         clock_, std::move(options));
  process.publisher->start(source_.confirmed(), fresh_slot_);
  pipeline::ReaderOptions reader;
  reader.seed = random_();
  reader.slow_lane_ms = 200;
  reader.stuck_ms = 1000;
  process.reader = std::make_unique<pipeline::Reader>(source_, std::vector<pipeline::LaneLink*>{&process.link}, clock_,
                                                      process.reader_stats, reader);
  process.backfill = std::make_unique<pipeline::BackfillReader>(
      backfill_, std::vector<pipeline::BackfillDesk*>{&process.copies.desk()}, clock_, random_(), [](std::uint32_t) {});
}

void KafkaLife::start_applier() {
  applying_ = std::make_unique<ApplierProcess>();
  auto& process = *applying_;
  std::vector<pipeline::LaneLink*> links;
  std::vector<pipeline::BackfillDesk*> desks;
  const SimStart start{applier_source_id(), {"t", 0, 0}};
  for (auto& cache : caches_) {
    open_cache(cache, "c" + std::to_string(links.size()), plan_, start, clock_, random_, true);
    links.push_back(cache.link.get());
    desks.push_back(cache.desk.get());
  }
  process.chunks = std::make_unique<kafka::ChunkClient>(
      [this] { return Result<std::unique_ptr<kafka::LogWriter>>(control_.writer()); }, "a" + std::to_string(++lives_),
      clock_);
  process.chunks->set_desks(desks);
  process.chunks->set_stream(stream_);
  process.source = std::make_unique<kafka::TopicSource>(changes_.reader(), "t", clock_, process.topic_stats);
  process.source->set_copies(process.chunks->copies());
  process.source->trust(applier_source_id());
  pipeline::ReaderOptions options;
  options.seed = random_();
  options.slow_lane_ms = 200;
  options.stuck_ms = 1000;
  options.chunk_bytes = 500 + random_() % 4'000;
  process.reader = std::make_unique<pipeline::Reader>(*process.source, links, clock_, process.reader_stats, options);
}

void KafkaLife::crash_publisher() {
  publishing_.reset();
  backfill_.close();
  source_.stop();
  start_publisher();
}

void KafkaLife::crash_applier() {
  applying_.reset();
  for (auto& cache : caches_) cache.crash();
  start_applier();
}

void KafkaLife::forget_gap() {
  gap_.reset();
  crash_applier();
}

std::int64_t KafkaLife::smallest_offset() const {
  std::int64_t smallest = changes_.range().next;
  for (const auto& cache : caches_) smallest = std::min(smallest, cache.checkpoint().kafka.next_offset);
  return smallest;
}

void KafkaLife::start_over() {
  changes_.forget_zombies();
  const auto faults = std::exchange(changes_.faults, {});
  applying_.reset();
  for (auto& cache : caches_) cache.crash();
  RecordHead answer;
  answer.kind = RecordKind::Answer;
  answer.request = ++lives_;
  const PublisherProcess* asked = nullptr;
  std::optional<std::int64_t> offset;
  auto read_to = changes_.range().next;
  for (int i = 0; i < 20'000 && !offset; ++i) {
    if (asked != publishing_.get() || i % 500 == 0) publishing_->publisher->answer(answer, "");
    asked = publishing_.get();
    clock_.ms += 20;
    source_step();
    publisher_step();
    changes_.step();
    for (; read_to < changes_.range().next; ++read_to) {
      const auto head = head_at(changes_, read_to);
      if (head.kind != RecordKind::Answer || head.request != answer.request) continue;
      offset = read_to + 1;
      stream_ = head.stream;
      answer.to = head.to;
    }
  }
  ASSERT_TRUE(offset) << "the publisher does not answer";
  for (auto& cache : caches_) {
    const Calm calm(*cache.faults);
    testing::FakeSink sink(cache.kept, "s");
    ASSERT_TRUE(sink.open());
    std::vector<TableRecord> records;
    for (auto [key, record] : cache.kept->records) {
      record.state = TableState::Pending;
      record.code = record.reason = "gap";
      record.backfill.clear();
      records.push_back(std::move(record));
    }
    Checkpoint checkpoint;
    checkpoint.end_lsn = answer.to;
    checkpoint.kafka = {"t", 0, *offset};
    ASSERT_TRUE(sink.begin_load({}));
    ASSERT_TRUE(sink.finish_load(records, applier_source_id(), checkpoint));
    cache.last_seen = {};
  }
  changes_.faults = faults;
  gap_.reset();
  gap_allowed_ = false;
  start_applier();
}

void KafkaLife::draw_faults(std::mt19937_64& choice) {
  const auto maybe = [&](double probability) { return choice() % 2 == 0 ? 0 : probability; };
  source_.break_probability = maybe(0.02);
  source_.invisible_probability = maybe(0.5);
  backfill_.break_probability = maybe(0.03);
  for (auto* log : {&changes_, &control_}) {
    log->faults.late = maybe(0.7);
    log->faults.full = maybe(0.2);
    log->faults.read_error = maybe(0.01);
    log->faults.deaf = maybe(0.3);
  }
  changes_.faults.refuse = maybe(0.01);
  for (auto& cache : caches_) {
    cache.faults->probability = maybe(0.03);
    cache.faults->down = choice() % 8 == 0;
    cache.slowness = choice() % 4 == 0 ? 30 : 1;
  }
}

void KafkaLife::run(int steps) {
  for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) {
    one_step();
    check();
  }
}

void KafkaLife::settle() {
  source_.break_probability = backfill_.break_probability = source_.invisible_probability = 0;
  changes_.faults = control_.faults = {};
  for (auto& cache : caches_) {
    cache.faults->probability = 0;
    cache.faults->down = false;
    cache.slowness = 1;
  }
  for (int i = 0; i < 20'000; ++i) {
    clock_.ms += 50;
    step_all();
    check();
    if (::testing::Test::HasFatalFailure() || gap_ || arrived()) break;
  }
  if (::testing::Test::HasFatalFailure() || gap_) return;
  ASSERT_TRUE(arrived()) << "did not catch up; the source stands at " << to_string(source_.end()) << ", confirmed "
                         << to_string(source_.confirmed()) << places();
  const auto& transactions = source_.transactions();
  const auto last = transactions.empty() ? Lsn{} : transactions.back().commit_lsn;
  for (const auto& cache : caches_) EXPECT_EQ(contents(cache, plan_), source_.world_at(last));
}

void KafkaLife::step_all() {
  source_.make_some_visible();
  source_step();
  publisher_step();
  (void)publishing_->requests->step();
  (void)publishing_->backfill->step();
  changes_.step();
  control_.step();
  applier_step();
  for (auto& cache : caches_) lane_step(cache);
}

void KafkaLife::one_step() {
  clock_.ms += static_cast<std::int64_t>(random_() % 200 == 0 ? 3'000 : random_() % 20);
  switch (random_() % 24) {
    case 0:
      source_.commit_random_transaction(random_() % 5 == 0 ? 60 : 5);
      break;
    case 1:
      source_.commit_random_transaction(2);
      break;
    case 2:
      if (random_() % 20 == 0) source_.advance_idle(random_() % 2 == 0 ? 100 : 20ULL << 20U);
      if (random_() % 12 == 0) {
        source_.ask_for_copy(kTables[random_() % 3]);
        ++copies_;
      }
      break;
    case 3:
    case 4:
      return source_step();
    case 5:
    case 6:
    case 7:
      return publisher_step();
    case 8:
    case 9:
    case 10:
      return changes_.step();
    case 11:
      return control_.step();
    case 12:
      (void)publishing_->requests->step();
      break;
    case 13:
    case 14:
      (void)publishing_->backfill->step();
      break;
    case 15:
      source_.make_some_visible();
      break;
    case 16:
    case 17:
    case 18:
      return applier_step();
    case 19:
      if (random_() % 8 == 0) crash_publisher();
      break;
    case 20:
      if (random_() % 16 == 0 && !gap_) crash_applier();
      break;
    default: {
      auto& cache = caches_[random_() % caches_.size()];
      if (random_() % static_cast<std::uint64_t>(cache.slowness) == 0) lane_step(cache);
    }
  }
}

void KafkaLife::source_step() { (void)publishing_->reader->step(); }

void KafkaLife::publisher_step() {
  const auto step = publishing_->publisher->step();
  if (step) return;
  // It tries again; a process that has not published yet would end instead.
  const auto& code = step.error().code;
  if (code != "kafka-refused" && code != "kafka-log-rewound") FAIL() << "gave up: " << describe(step.error());
}

void KafkaLife::applier_step() {
  if (gap_) return;
  (void)applying_->chunks->step();
  const auto step = applying_->reader->step();
  if (step || step.error().verdict == Verdict::Retry) return;
  if (step.error().verdict != Verdict::Gap || !gap_allowed_) FAIL() << "cannot go on: " << describe(step.error());
  gap_ = step.error().code;
}

void KafkaLife::lane_step(SimCache& cache) {
  const auto step = cache.lane->step();
  if (!step) FAIL() << "a lane gave up: " << describe(step.error());
}

void KafkaLife::check() {
  ASSERT_FALSE(source_.broken_rule) << *source_.broken_rule;
  ASSERT_LE(source_.confirmed(), reported_) << "confirmed before the brokers had confirmed";
  ASSERT_LT(publishing_->link.queued_bytes(), 64U * 1024) << "the queue has no bound";
  for (auto& cache : caches_) check(cache);
}

void KafkaLife::check(SimCache& cache) {
  ASSERT_LT(cache.link->queued_bytes(), 64U * 1024) << "the queue has no bound";
  auto& commits = checked_commits_[&cache];
  if (commits == cache.kept->commits) return;
  commits = cache.kept->commits;
  const auto& now = cache.checkpoint();
  ASSERT_GE(now.end_lsn, cache.last_seen.end_lsn) << "a checkpoint went back";
  ASSERT_GE(now.commit_lsn, cache.last_seen.commit_lsn) << "a checkpoint went back";
  ASSERT_GE(now.kafka.next_offset, cache.last_seen.kafka.next_offset) << "a place in the topic went back";
  cache.last_seen = now;
  if (now.partial_commit_lsn) return;  // inside a transaction that is applied in parts, and says so
  const auto world = source_.world_at(now.commit_lsn);
  auto held = contents(cache, plan_);
  for (const auto& [key, record] : cache.kept->records) {
    if (record.state == TableState::Pending) continue;  // old rows, until its copy is there
    ASSERT_EQ(record.state, TableState::Live) << record.reason;
    ASSERT_EQ(held[key.second], world.at(key.second))
        << record.source_name << " is not the source at its checkpoint " << to_string(now.commit_lsn) << places();
  }
}

std::string KafkaLife::places() const {
  const auto range = changes_.range();
  std::string text = "\ntopic: [" + std::to_string(range.low) + ", " + std::to_string(range.next) + ")";
  for (const auto& cache : caches_) {
    const auto& checkpoint = cache.checkpoint();
    text += "\ncache: " + to_string(checkpoint.end_lsn) + ", offset " + std::to_string(checkpoint.kafka.next_offset);
    for (const auto& [key, record] : cache.kept->records) {
      text += std::string(", ") + record.source_name + " " + to_string(record.state) + " " + record.backfill;
    }
  }
  return text;
}

bool KafkaLife::arrived() const {
  const auto& transactions = source_.transactions();
  for (const auto& cache : caches_) {
    if (!transactions.empty() && cache.checkpoint().commit_lsn < transactions.back().commit_lsn) return false;
    for (const auto& [key, record] : cache.kept->records) {
      if (record.state == TableState::Pending || !record.backfill.empty()) return false;
    }
  }
  return source_.confirmed() == source_.end();
}

KafkaLife::Counts KafkaLife::count() const {
  Counts counts;
  counts.copies = copies_;
  std::uint64_t epoch = 0;
  const auto range = changes_.range();
  for (auto offset = range.low; offset < range.next; ++offset) {
    const auto head = head_at(changes_, offset);
    counts.fenced += head.epoch < epoch ? 1 : 0;
    epoch = std::max(epoch, head.epoch);
    counts.parts += head.kind == RecordKind::Part ? 1 : 0;
    counts.slices += head.slices > 1 ? 1 : 0;
    counts.pieces += head.kind == RecordKind::Chunk ? 1 : 0;
    counts.starts += head.kind == RecordKind::Start ? 1 : 0;
  }
  return counts;
}

}  // namespace walbridge::sim
