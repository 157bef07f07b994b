// The bridge's part in schema capture: whatever the event triggers do not say, or cannot say any more, it puts into the
// stream itself, so that every lane hears it at the same place.
#include <utility>

#include "pipeline/api/log.h"
#include "pipeline/bridge.h"

namespace walbridge::pipeline {
namespace {

constexpr std::int64_t kPollCatalogMs = 2'000;
constexpr std::int64_t kWatchCaptureMs = 5'000;
constexpr std::int64_t kTryAgainMs = 1'000;

}  // namespace

void Bridge::describe_again(std::uint32_t source_oid) {
  const std::scoped_lock lock(schema_mutex_);
  stale_.insert(source_oid);
}

// Where caches disagree, or do not know, nobody knows: then it is announced once more.
void Bridge::note_known(const Cache& cache) {
  const bool first = !known_.has_value();
  if (first) known_.emplace();
  for (const auto& record : cache.state->tables) {
    const auto [known, added] = known_->emplace(record.source_oid, record.description);
    if (!added && known->second != record.description) known->second.clear();
  }
}

void Bridge::tend_schema() {
  if (!known_) return;  // no cache has started
  const auto now = clock_.now_ms();
  if (now >= announce_due_ms_) {
    const bool told = copy_unpublished() && announce_undescribed();
    announce_due_ms_ = told ? 0 : now + kTryAgainMs;
  }
  if (now >= capture_due_ms_) {
    capture_due_ms_ = now + kWatchCaptureMs;
    watch_capture();
    watch_publication();
  }
  // Once at the start, whatever the mode: triggers may have been away while we were.
  const bool polling = capture().mode == CaptureStatus::Mode::Polling;
  if (now < catalog_due_ms_ || (!polling && catalog_due_ms_ != 0)) return;
  catalog_due_ms_ = now + kPollCatalogMs;
  if (auto announced = parts_.admin->announce_changes(*known_)) {
    known_ = *std::move(announced);
  } else {
    log::warn("the catalog could not be compared", {{"error", announced.error().message}});
  }
}

void Bridge::watch_capture() {
  auto now = parts_.admin->capture_status();
  if (!now) return;  // the stream's own errors say that the source is away
  const auto before = capture();
  if (now->mode == before.mode) {
    // Why there never were any was found out at the start; why they are away may change.
    const std::scoped_lock lock(schema_mutex_);
    if (triggers_lost_) capture_ = *std::move(now);
    return;
  }
  triggers_lost_ = now->mode == CaptureStatus::Mode::Polling;
  if (now->mode == CaptureStatus::Mode::Polling) {
    log::error("event triggers no longer tell of schema changes; walbridge looks every few seconds",
               {{"reason", now->problem}, {"fix", now->fix}});
  } else {
    log::info("event triggers tell of schema changes again");
  }
  catalog_due_ms_ = 0;  // what happened in between
  const std::scoped_lock lock(schema_mutex_);
  capture_ = *std::move(now);
}

// Whoever takes a table out of the publication takes changes from the caches: it is copied again, which puts it back.
void Bridge::watch_publication() {
  std::map<std::uint32_t, std::shared_ptr<const SourceTable>> live;
  for (const auto& cache : caches_) {
    const std::scoped_lock lock(cache->stats.mutex);
    for (const auto& table : cache->stats.live) live.emplace(table->oid, table);
  }
  std::vector<const SourceTable*> tables = topic_ ? watched_tables() : std::vector<const SourceTable*>{};
  for (const auto& [oid, table] : live) tables.push_back(table.get());
  const auto lost = parts_.admin->unpublished(tables);
  if (!lost || lost->empty()) return;
  log::error("tables are no longer published whole; that is put right, and they are copied again",
             {{"tables", lost->size()}});
  if (auto asked = parts_.admin->request_copy(*lost); !asked) {
    log::error("tables cannot be copied again", {{"error", asked.error().message}});
  }
}

// Only what some cache has been fed before can have missed something.
bool Bridge::copy_unpublished() {
  std::erase_if(unpublished_, [&](std::uint32_t oid) { return !known_->contains(oid); });
  if (unpublished_.empty()) return true;
  log::error("tables were not published whole while walbridge was away; they are copied again",
             {{"tables", unpublished_.size()}});
  if (auto asked = parts_.admin->request_copy(unpublished_); !asked) {
    log::error("tables cannot be copied again", {{"error", asked.error().message}});
    return false;
  }
  unpublished_.clear();
  return true;
}

bool Bridge::announce_undescribed() {
  std::set<std::uint32_t> oids;
  bool all = false;
  {
    const std::scoped_lock lock(schema_mutex_);
    oids.swap(stale_);
  }
  for (auto& cache : caches_) {
    const std::scoped_lock lock(cache->stats.mutex);
    oids.merge(cache->stats.undescribed);
    cache->stats.undescribed.clear();
    all = all || std::exchange(cache->stats.all_undescribed, false);
  }
  if (all) {
    for (const auto& [oid, description] : *known_) oids.insert(oid);
    catalog_due_ms_ = 0;
  }
  if (oids.empty()) return true;
  // The next look at the catalog must not take them for known: what it compares with is older.
  for (const auto oid : oids) known_->insert_or_assign(oid, std::string());
  const std::vector<std::uint32_t> list(oids.begin(), oids.end());
  if (auto announced = parts_.admin->announce(list); !announced) {
    log::warn("a table could not be described", {{"error", announced.error().message}});
    const std::scoped_lock lock(schema_mutex_);
    stale_.insert(oids.begin(), oids.end());
    return false;
  }
  return true;
}

}  // namespace walbridge::pipeline
