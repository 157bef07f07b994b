#include "pipeline/bridge.h"

#include <algorithm>
#include <set>
#include <utility>

#include "mapping/unused_names.h"
#include "pipeline/api/failpoint.h"
#include "pipeline/api/log.h"
#include "pipeline/snapshot_runner.h"
#include "pipeline/source_gap.h"

namespace walbridge::pipeline {
namespace {

constexpr std::int64_t kTryAgainMs = 5'000;
constexpr std::int64_t kTryAgainAfterOperatorMs = 60'000;

LaneOptions lane_options(const config::Config& config, bool once, std::uint64_t seed) {
  LaneOptions options;
  options.stream = config.name;
  options.backfill_rows = config.snapshot.backfill_rows;
  options.eager_idle = once;
  options.seed = seed;
  return options;
}

TableRecord live_record(const mapping::TablePlan& plan, const SourceTable& source, Lsn snapshot_lsn) {
  TableRecord record;
  record.description = source.json;
  record.shape = mapping::to_json(mapping::shape_of(plan));
  record.source_oid = plan.cache().source_oid;
  record.source_name = plan.cache().source_name;
  record.cache_name = plan.cache().name;
  record.state = TableState::Live;
  record.schema_hash = plan.cache().schema_hash;
  record.snapshot_lsn = snapshot_lsn;
  return record;
}

const SourceTable* find_table(std::span<const SourceTable> tables, std::uint32_t oid) {
  const auto found = std::find_if(tables.begin(), tables.end(), [&](const SourceTable& t) { return t.oid == oid; });
  return found == tables.end() ? nullptr : &*found;
}

}  // namespace

Bridge::Bridge(const config::Config& config, BridgeParts parts, const Clock& clock, bool once)
    : config_(config), parts_(std::move(parts)), clock_(clock), seed_(static_cast<std::uint64_t>(clock.wall().micros)) {
  const auto ends = std::max<std::size_t>(1, parts_.sinks.size());
  const auto queue_bytes = std::max<std::size_t>(1 << 20, config.limits.buffer_bytes / ends);
  std::vector<LaneLink*> links;
  for (std::size_t i = 0; i < parts_.sinks.size(); ++i) {
    caches_.push_back(std::make_unique<Cache>(config, config.sinks[i], std::move(parts_.sinks[i]), queue_bytes, clock,
                                              lane_options(config, once, seed_ + i)));
    auto& cache = *caches_.back();
    links.push_back(&cache.link);
    cache.link.on_lane_progress([this] { parts_.source->wake(); });
    cache.desk.on_delivery([&cache] { cache.link.wake(); });
  }
  if (parts_.publish) {
    topic_ = std::make_unique<kafka::PublishedTopic>(*std::move(parts_.publish), queue_bytes, clock, once, seed_);
    topic_->link.on_lane_progress([this] { parts_.source->wake(); });
    topic_->copies.desk().on_delivery([this] { topic_->link.wake(); });
    links.push_back(&topic_->link);
  }
  if (parts_.chunks) {
    std::vector<BackfillDesk*> desks;
    for (auto& cache : caches_) desks.push_back(&cache->desk);
    parts_.chunks->set_desks(std::move(desks));
  }
  ReaderOptions options;
  options.slow_lane_ms = static_cast<std::int64_t>(config.limits.slow_sink_seconds) * 1000;
  options.seed = seed_ + caches_.size();
  reader_ = std::make_unique<Reader>(*parts_.source, links, clock, reader_stats_, options);
}

Status Bridge::prepare(const std::atomic<bool>& cancelled) {
  WALBRIDGE_TRY_AS(source_id_, parts_.admin->identity());
  WALBRIDGE_TRY(parts_.admin->lock());
  WALBRIDGE_TRY(prepare_capture());
  if (parts_.chunks) parts_.chunks->set_stream(source_id_.substr(source_id_.find('@') + 1));
  WALBRIDGE_TRY(plan_tables());
  WALBRIDGE_TRY(check_slot());
  WALBRIDGE_TRY(prepare_publication());
  if (topic_) topic_->publisher.set_source_id(source_id_);
  for (auto& cache : caches_) {
    if (cancelled) break;
    cache->lane.set_source_id(source_id_);
    if (auto opened = open_cache(*cache); !opened) {
      // With a single cache there is nothing else to do meanwhile.
      if (caches_.size() == 1 && opened.error().verdict != Verdict::Retry) return opened;
      cache_failed(*cache, opened.error());
    }
  }
  // With every cache refusing the source there is nothing to run.
  const bool all_gaps = !caches_.empty() && std::all_of(caches_.begin(), caches_.end(), [](const auto& cache) {
    const std::scoped_lock lock(cache->stats.mutex);
    return cache->phase == CachePhase::Failed && cache->stats.last_error &&
           cache->stats.last_error->verdict == Verdict::Gap;
  });
  if (all_gaps) return *caches_.front()->stats.last_error;
  return Done{};
}

Status Bridge::plan_tables() {
  if (parts_.chunks) return Done{};  // the topic tells of its tables
  WALBRIDGE_TRY_AS(tables_, parts_.admin->describe_tables());
  if (topic_) return plan_topic();
  for (const auto& finding : mapping::unused_names(tables_, config_)) {
    log::warn(finding.message, {{"code", finding.code}, {"fix", finding.fix}});
  }
  for (auto& cache : caches_) {
    const auto plan = mapping::plan_sink(tables_, config_, cache->settings);
    for (const auto& refused : plan.refused) {
      log::warn("table not carried", {{"sink", cache->settings.name},
                                      {"table", refused.source_name},
                                      {"code", refused.error.code},
                                      {"reason", refused.error.message},
                                      {"remedy", refused.error.remedy}});
    }
    if (plan.tables.empty()) {
      return Error{Verdict::Operator,
                   "no-tables",
                   "sink " + cache->settings.name + ": no table of the source can be carried",
                   "see `walbridge plan` for the reasons, and `tables.include` in " + config_.file,
                   {}};
    }
    for (const auto& table : plan.tables) {
      wanted_[table->cache().source_oid] = {table->publish_where(), table->append_only()};
    }
    const std::scoped_lock lock(cache->stats.mutex);
    cache->stats.refused = plan.refused;
  }
  return Done{};
}

Status Bridge::prepare_capture() {
  WALBRIDGE_TRY_AS(auto capture, parts_.admin->ensure_capture());
  if (!capture.problem.empty()) {
    log::warn("schema changes are noticed by looking, every few seconds",
              {{"reason", capture.problem}, {"fix", capture.fix}});
  }
  parts_.source->trust(capture.token);
  if (parts_.backfill) parts_.backfill->trust(capture.token);
  const std::scoped_lock lock(schema_mutex_);
  capture_ = std::move(capture);
  return Done{};
}

CaptureStatus Bridge::capture() const {
  const std::scoped_lock lock(schema_mutex_);
  return capture_;
}

std::vector<PublishedTable> Bridge::published() const {
  std::vector<PublishedTable> published;
  for (const auto& table : tables_) {
    const auto wanted = wanted_.find(table.oid);
    if (wanted != wanted_.end()) published.push_back({&table, wanted->second.where, wanted->second.append_only});
  }
  return published;
}

Status Bridge::prepare_publication() {
  const auto selected = published();
  for (const auto& finding : parts_.admin->preflight(selected)) {
    if (finding.severity == Finding::Severity::Ok || finding.code == "schema-capture") continue;
    if (finding.severity == Finding::Severity::Error) {
      return Error{Verdict::Operator, finding.code, finding.subject + ": " + finding.message, finding.fix, {}};
    }
    log::warn(finding.message, {{"code", finding.code}, {"subject", finding.subject}, {"fix", finding.fix}});
  }
  // What was taken out while nobody looked is put back here, and copied again once its caches are known.
  std::vector<const SourceTable*> tables;
  for (const auto& each : selected) tables.push_back(each.table);
  if (auto lost = parts_.admin->unpublished(tables); lost && slot_.exists) unpublished_ = *std::move(lost);
  return parts_.admin->ensure_publication(selected);
}

Status Bridge::check_slot() {
  WALBRIDGE_TRY_AS(slot_, parts_.admin->slot_status());
  target_ = slot_.current_lsn;
  if (slot_.topic) warn_of_silence(*slot_.topic);
  if (slot_.exists && slot_.wal_status == "lost") {
    return Error{Verdict::Gap,
                 "slot-lost",
                 "the replication slot has lost log it needs (" + slot_.invalidation_reason + ")",
                 kStartOver,
                 {}};
  }
  return Done{};
}

// A cache that was never filled is looked at before anything is written into it: a table in the way is the user's.
Status Bridge::require_room(Cache& cache) const {
  const auto seen = cache.sink->peek();
  if (!seen || seen->checkpoint) return Done{};
  const auto plan = mapping::plan_sink(tables_, config_, cache.settings);
  std::vector<const CacheTable*> tables;
  for (const auto& table : plan.tables) tables.push_back(&table->cache());
  for (const auto& finding : cache.sink->check(tables)) {
    if (finding.severity != Finding::Severity::Error || finding.code != "table-exists") continue;
    return Error{Verdict::Operator, finding.code, finding.subject + ": " + finding.message, finding.fix, {}};
  }
  return Done{};
}

Status Bridge::open_cache(Cache& cache) {
  WALBRIDGE_TRY(require_room(cache));
  auto state = cache.sink->open();
  if (!state) return std::move(state.error());
  cache.state = *std::move(state);
  auto gap = source_gap(cache.settings.name, *cache.state, source_id_, slot_);
  if (gap && slot_.topic) {  // the topic may have grown, and the cache with it, since it was looked at
    WALBRIDGE_TRY_AS(slot_, parts_.admin->slot_status());
    gap = source_gap(cache.settings.name, *cache.state, source_id_, slot_);
  }
  if (!gap && parts_.start_over && cache.state->checkpoint)
    gap = Error{Verdict::Gap, "gap", "changes are missing", {}, {}};
  const bool resync = gap && parts_.chunks && config_.kafka && config_.kafka->on_gap == config::OnGap::Resync;
  if (gap && !resync) return *std::move(gap);
  if (gap) {
    log::error("changes are gone; every table of the cache is copied again, readers keep the old rows meanwhile",
               {{"sink", cache.settings.name}, {"code", gap->code}, {"reason", gap->message}});
  }
  cache.wants_load = gap || !cache.state->checkpoint;
  if (cache.wants_load) return Done{};
  // Until its lane starts, nothing of what this cache may still need is given up.
  cache.link.set_durable(cache.state->checkpoint->end_lsn);
  start_lane(cache);
  return Done{};
}

void Bridge::bring_up_caches(const std::atomic<bool>& cancelled, const std::function<void(Cache&)>& started) {
  std::vector<Cache*> due;
  for (auto& cache : caches_) {
    if (cache->started) started(*cache);
    if (cache->started || cancelled || clock_.now_ms() < cache->try_again_ms) continue;
    if (!cache->state) {
      // What was true of the slot when this bridge started is no measure for a cache that comes later.
      if (auto slot = parts_.admin->slot_status()) slot_ = *std::move(slot);
      if (auto tables = parts_.admin->describe_tables()) tables_ = *std::move(tables);
      if (auto opened = open_cache(*cache); !opened) {
        cache_failed(*cache, opened.error());
        continue;
      }
    }
    if (cache->started) started(*cache);
    if (cache->wants_load) due.push_back(cache.get());
  }
  if (!due.empty()) load_caches(due, cancelled, started);
}

void Bridge::load_caches(const std::vector<Cache*>& due, const std::atomic<bool>& cancelled,
                         const std::function<void(Cache&)>& started) {
  // From here on the slot must not move past what is about to become these caches' starting point.
  const auto pinned = reader_->frontier();
  for (auto* cache : due) {
    if (pinned && !cache->link.durable()) cache->link.set_durable(*pinned);
  }
  const bool make_slot = !slot_.exists;
  log::info("snapshot starts", {{"slot", make_slot ? "new" : "kept"}});
  auto point =
      parts_.snapshot->begin(make_slot ? SnapshotSource::SlotUse::CreatePermanent : SnapshotSource::SlotUse::Temporary);
  if (!point) {
    for (auto* cache : due) cache_failed(*cache, point.error());
    return;
  }
  if (make_slot) slot_made_here_ = slot_.exists = true;
  WALBRIDGE_FAILPOINT("after-slot");
  // The first of them to finish starts to stream while the others still load from this point.
  for (auto* cache : due) {
    if (!cache->link.durable()) cache->link.set_durable(point->consistent_point);
  }
  // What is copied is planned from the very snapshot that is copied: later news comes through the stream.
  const auto tables = parts_.snapshot->describe_tables();
  if (tables) tables_ = *tables;
  for (auto* cache : due) {
    cache->phase = CachePhase::Loading;
    auto loaded = tables ? load_cache(*cache, *point, *tables, cancelled) : Status(tables.error());
    if (!loaded) {
      cache->sink->abandon();
      cache->state.reset();
      if (!cancelled) cache_failed(*cache, loaded.error());
    } else {
      started(*cache);
    }
  }
  parts_.snapshot->end();
}

std::vector<TableLoad> Bridge::table_loads(Cache& cache, const mapping::SinkPlan& plan,
                                           const std::vector<SourceTable>& tables) const {
  std::vector<TableLoad> loads;
  const std::scoped_lock lock(cache.progress_mutex);
  cache.progress.clear();
  for (const auto& planned : plan.tables) {
    // Not published when the slot was made: the lane finds it missing and copies it.
    if (!wanted_.contains(planned->cache().source_oid)) continue;
    const auto* table = find_table(tables, planned->cache().source_oid);
    cache.progress.push_back(std::make_unique<TableProgress>());
    cache.progress.back()->source_name = table->qualified_name();
    cache.progress.back()->estimated_rows = table->estimated_rows;
    loads.push_back({planned, *table, cache.progress.back().get()});
  }
  return loads;
}

Status Bridge::load_cache(Cache& cache, SnapshotPoint point, const std::vector<SourceTable>& tables,
                          const std::atomic<bool>& cancelled) {
  const auto taken_at = clock_.wall();
  const auto plan = mapping::plan_sink(tables, config_, cache.settings);
  const auto loads = table_loads(cache, plan, tables);
  std::vector<const CacheTable*> cache_tables;
  for (const auto& load : loads) cache_tables.push_back(&load.plan->cache());
  WALBRIDGE_TRY(insist([&] { return cache.sink->begin_load(cache_tables); }, cancelled));
  WALBRIDGE_FAILPOINT("load-begun");
  SnapshotOptions options;
  options.workers = config_.snapshot.workers;
  std::map<std::uint32_t, Error> poisoned;
  if (!loads.empty()) {
    WALBRIDGE_TRY_AS(poisoned, run_snapshot(*parts_.snapshot, *cache.sink, loads, options, cancelled));
  }

  std::vector<TableRecord> records;
  for (const auto& load : loads) {
    auto record = live_record(*load.plan, load.source, point.consistent_point);
    if (const auto bad = poisoned.find(load.source.oid); bad != poisoned.end()) {
      stop_loaded_table(cache, record, bad->second);
    }
    records.push_back(std::move(record));
  }
  Checkpoint checkpoint;
  checkpoint.end_lsn = point.consistent_point;
  if (point.offset >= 0) {
    WALBRIDGE_TRY(begin_in_topic(cache, plan, records));
    checkpoint.kafka = {config_.kafka->topic, 0, point.offset};
  }
  checkpoint.committed_at = taken_at;
  WALBRIDGE_FAILPOINT("load-copied");
  WALBRIDGE_TRY(finish_load(cache, records, checkpoint, cancelled));
  WALBRIDGE_FAILPOINT("load-finished");
  cache.state->checkpoint = checkpoint;
  cache.state->tables = std::move(records);
  std::uint64_t rows = 0;
  for (const auto& load : loads) rows += load.progress->rows;
  cache.stats.snapshot_rows += rows;
  log::info("snapshot done", {{"sink", cache.settings.name},
                              {"tables", loads.size()},
                              {"rows", rows},
                              {"lsn", to_string(point.consistent_point)}});
  cache.wants_load = false;
  start_lane(cache);
  return Done{};
}

// A sink may find a row it cannot take only when it sends the last ones: that table stays out, the others go in.
Status Bridge::finish_load(Cache& cache, std::vector<TableRecord>& records, const Checkpoint& checkpoint,
                           const std::atomic<bool>& cancelled) {
  while (true) {
    auto finished = insist([&] { return cache.sink->finish_load(records, source_id_, checkpoint); }, cancelled);
    if (finished) return finished;
    const auto& error = finished.error();
    const auto refused = std::find_if(records.begin(), records.end(), [&](const TableRecord& record) {
      return error.verdict == Verdict::PoisonRow && record.cache_name == error.table &&
             record.state == TableState::Live;
    });
    if (refused == records.end()) return finished;
    stop_loaded_table(cache, *refused, error);
  }
}

void Bridge::stop_loaded_table(const Cache& cache, TableRecord& record, const Error& error) const {
  record.shape.clear();  // nothing of it is in the cache
  record.schema_hash.clear();
  record.state = TableState::Stopped;
  record.code = error.code;
  record.reason = error.message + "; " + error.remedy;
  record.stopped_at = record.snapshot_lsn;
  log::error("table stopped", {{"sink", cache.settings.name},
                               {"table", record.source_name},
                               {"code", error.code},
                               {"error", error.message},
                               {"remedy", error.remedy}});
}

void Bridge::start_lane(Cache& cache) {
  note_known(cache);
  cache.lane.start(*cache.state->checkpoint, cache.state->tables, tables_);
  cache.started = true;
  cache.stats.clear_error();
  cache.phase = CachePhase::Streaming;
}

void Bridge::cache_failed(Cache& cache, const Error& error) {
  cache.stats.note_error(error);
  cache.phase = error.verdict == Verdict::Retry ? CachePhase::Waiting : CachePhase::Failed;
  const bool for_good = error.verdict == Verdict::Gap;
  cache.try_again_ms =
      for_good ? INT64_MAX
               : clock_.now_ms() + (error.verdict == Verdict::Retry ? kTryAgainMs : kTryAgainAfterOperatorMs);
  // It may need everything the slot still holds: nothing is given up while it is away.
  if (!cache.link.durable() && slot_.exists && slot_.confirmed_flush_lsn)
    cache.link.set_durable(slot_.confirmed_flush_lsn);
  log::error("cache is not in service",
             {{"sink", cache.settings.name}, {"code", error.code}, {"error", error.message}, {"remedy", error.remedy}});
}

void Bridge::drop_unused_slot() {
  const bool used = std::any_of(caches_.begin(), caches_.end(),
                                [](const auto& cache) { return cache->state && cache->state->checkpoint; });
  const bool published = topic_ && topic_->stats.records > 0;
  if (!slot_made_here_ || used || published) return;
  parts_.snapshot->end();
  auto owned = parts_.admin->owned();
  if (!owned) return;
  for (const auto& object : *owned) {
    if (object.kind == "slot") (void)parts_.admin->drop(object);
  }
}

}  // namespace walbridge::pipeline
