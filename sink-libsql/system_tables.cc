#include "sink-libsql/system_tables.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "pipeline/api/cache_sql.h"

namespace walbridge::sink_libsql {
namespace {

constexpr std::string_view kLoadPrefix = "_walbridge_load_";

constexpr std::array kCreate = {
    "CREATE TABLE IF NOT EXISTS _walbridge_checkpoint ("
    "stream TEXT NOT NULL PRIMARY KEY, source_id TEXT NOT NULL, epoch INTEGER NOT NULL, "
    "commit_lsn INTEGER NOT NULL, end_lsn INTEGER NOT NULL, commit_time TEXT, applied_at TEXT NOT NULL, "
    "partial_commit_lsn INTEGER NOT NULL, partial_changes INTEGER NOT NULL, guard INTEGER NOT NULL, "
    "kafka_topic TEXT, kafka_partition INTEGER, kafka_offset INTEGER)",
    "CREATE TABLE IF NOT EXISTS _walbridge_tables ("
    "stream TEXT NOT NULL, source_oid INTEGER NOT NULL, source_name TEXT NOT NULL, cache_name TEXT NOT NULL, "
    "state TEXT NOT NULL, schema_hash TEXT NOT NULL, snapshot_lsn INTEGER NOT NULL, code TEXT NOT NULL, "
    "reason TEXT NOT NULL, stopped_at INTEGER NOT NULL, backfill_frontier TEXT, description TEXT NOT NULL DEFAULT '', "
    "shape TEXT NOT NULL DEFAULT '', PRIMARY KEY (stream, source_oid))",
    "CREATE TABLE IF NOT EXISTS _walbridge_quarantine ("
    "id INTEGER PRIMARY KEY, stream TEXT NOT NULL, source_oid INTEGER NOT NULL, source_name TEXT NOT NULL, "
    "lsn INTEGER NOT NULL, op TEXT NOT NULL, column_name TEXT, code TEXT NOT NULL, reason TEXT NOT NULL, "
    "quarantined_at TEXT NOT NULL)",
    "DROP VIEW IF EXISTS _walbridge_freshness",
    "CREATE VIEW _walbridge_freshness AS SELECT stream, "
    "(julianday('now') - julianday(commit_time)) * 86400.0 AS seconds_since_commit, "
    "printf('%X/%X', (commit_lsn >> 32) & 4294967295, commit_lsn & 4294967295) AS commit_lsn, "
    "printf('%X/%X', (end_lsn >> 32) & 4294967295, end_lsn & 4294967295) AS end_lsn, commit_time, applied_at "
    "FROM _walbridge_checkpoint WHERE source_id <> ''",
};

constexpr std::array kAddDescriptions = {
    "ALTER TABLE _walbridge_tables ADD COLUMN description TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE _walbridge_tables ADD COLUMN shape TEXT NOT NULL DEFAULT ''",
};
constexpr std::array kAddKafkaPlace = {
    "ALTER TABLE _walbridge_checkpoint ADD COLUMN kafka_topic TEXT",
    "ALTER TABLE _walbridge_checkpoint ADD COLUMN kafka_partition INTEGER",
    "ALTER TABLE _walbridge_checkpoint ADD COLUMN kafka_offset INTEGER",
};

constexpr std::array kDrop = {
    "DROP VIEW IF EXISTS _walbridge_freshness",
    "DROP TABLE IF EXISTS _walbridge_quarantine",
    "DROP TABLE IF EXISTS _walbridge_tables",
    "DROP TABLE IF EXISTS _walbridge_checkpoint",
};

// Reads `digits` decimal digits at `at`; -1 when they are not there.
int number_at(std::string_view text, std::size_t at, std::size_t digits) {
  if (text.size() < at + digits) return -1;
  int value = 0;
  const char* end = text.data() + at + digits;
  const auto [stopped_at, failure] = std::from_chars(text.data() + at, end, value);
  return failure == std::errc{} && stopped_at == end && value >= 0 ? value : -1;
}

}  // namespace

std::span<const char* const> create_system_tables() { return kCreate; }
std::span<const char* const> drop_system_tables() { return kDrop; }
std::span<const char* const> add_descriptions() { return kAddDescriptions; }
std::span<const char* const> add_kafka_place() { return kAddKafkaPlace; }

const char* const kLacksDescriptions =
    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_walbridge_tables' "
    "AND sql NOT LIKE '%description%'";
const char* const kLacksKafkaPlace =
    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_walbridge_checkpoint' "
    "AND sql NOT LIKE '%kafka_offset%'";

const char* const kCountSystemObjects =
    "SELECT count(*) FROM sqlite_master WHERE name IN ('_walbridge_checkpoint', '_walbridge_tables', "
    "'_walbridge_quarantine', '_walbridge_freshness')";

const char* const kEnsureCheckpoint =
    "INSERT INTO _walbridge_checkpoint (stream, source_id, epoch, commit_lsn, end_lsn, commit_time, applied_at, "
    "partial_commit_lsn, partial_changes, guard) "
    "VALUES (?1, '', 0, 0, 0, NULL, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 0, 0, 0) "
    "ON CONFLICT (stream) DO NOTHING";

const char* const kTakeOver = "UPDATE _walbridge_checkpoint SET epoch = epoch + 1, guard = 0 WHERE stream = ?1";

const char* const kReadCheckpoint =
    "SELECT source_id, epoch, guard, commit_lsn, end_lsn, commit_time, partial_commit_lsn, partial_changes, "
    "kafka_topic, kafka_partition, kafka_offset FROM _walbridge_checkpoint WHERE stream = ?1";

const char* const kReadCheckpointWithoutKafkaPlace =
    "SELECT source_id, epoch, guard, commit_lsn, end_lsn, commit_time, partial_commit_lsn, partial_changes, "
    "NULL, NULL, NULL FROM _walbridge_checkpoint WHERE stream = ?1";

const char* const kReadTables =
    "SELECT source_oid, source_name, cache_name, state, schema_hash, snapshot_lsn, code, reason, stopped_at, "
    "coalesce(backfill_frontier, ''), description, shape FROM _walbridge_tables WHERE stream = ?1 ORDER BY source_oid";

const char* const kReadTablesWithoutDescriptions =
    "SELECT source_oid, source_name, cache_name, state, schema_hash, snapshot_lsn, code, reason, stopped_at, "
    "'', '', '' FROM _walbridge_tables WHERE stream = ?1 ORDER BY source_oid";

const char* const kGuard =
    "INSERT INTO _walbridge_checkpoint (stream, source_id, epoch, commit_lsn, end_lsn, commit_time, applied_at, "
    "partial_commit_lsn, partial_changes, guard, kafka_topic, kafka_partition, kafka_offset) "
    "VALUES (?1, ?2, ?8, ?3, ?4, ?5, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), ?6, ?7, "
    "(SELECT guard + 1 FROM _walbridge_checkpoint WHERE stream = ?1 AND epoch = ?8 AND guard = ?9 "
    "AND commit_lsn = ?10 AND end_lsn = ?11 AND partial_changes = ?12 AND coalesce(kafka_offset, -1) = ?16), "
    "?13, ?14, ?15) "
    "ON CONFLICT (stream) DO UPDATE SET source_id = excluded.source_id, commit_lsn = excluded.commit_lsn, "
    "end_lsn = excluded.end_lsn, commit_time = excluded.commit_time, applied_at = excluded.applied_at, "
    "partial_commit_lsn = excluded.partial_commit_lsn, partial_changes = excluded.partial_changes, "
    "guard = excluded.guard, kafka_topic = excluded.kafka_topic, kafka_partition = excluded.kafka_partition, "
    "kafka_offset = excluded.kafka_offset";

const char* const kUpsertTable =
    "INSERT INTO _walbridge_tables (stream, source_oid, source_name, cache_name, state, schema_hash, snapshot_lsn, "
    "code, reason, stopped_at, backfill_frontier, description, shape) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
    "ON CONFLICT (stream, source_oid) DO UPDATE SET source_name = excluded.source_name, "
    "cache_name = excluded.cache_name, state = excluded.state, schema_hash = excluded.schema_hash, "
    "snapshot_lsn = excluded.snapshot_lsn, code = excluded.code, reason = excluded.reason, "
    "stopped_at = excluded.stopped_at, backfill_frontier = excluded.backfill_frontier, "
    "description = excluded.description, shape = excluded.shape";

const char* const kDeleteTables = "DELETE FROM _walbridge_tables WHERE stream = ?1";
const char* const kDeleteTable = "DELETE FROM _walbridge_tables WHERE stream = ?1 AND source_oid = ?2";
const char* const kDeleteCheckpoint = "DELETE FROM _walbridge_checkpoint WHERE stream = ?1";
const char* const kDeleteQuarantine = "DELETE FROM _walbridge_quarantine WHERE stream = ?1";
const char* const kCountStreams = "SELECT count(*) FROM _walbridge_checkpoint";
const char* const kOwnersOfTable =
    "SELECT stream, source_oid FROM _walbridge_tables WHERE lower(cache_name) = lower(?1) AND snapshot_lsn <> 0";
const char* const kOwnTables = "SELECT cache_name FROM _walbridge_tables WHERE stream = ?1 AND snapshot_lsn <> 0";
const char* const kListHiddenTables =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND (name GLOB '_walbridge_load_*' OR "
    "name GLOB '_walbridge_fill_*')";
const char* const kReadSchema = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master";
const char* const kSystemTablesExist =
    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_walbridge_checkpoint'";

bool is_orphan(std::string_view stream, std::string_view table_name, std::span<const TableRecord> records) {
  const auto oid = backfill_table_oid(stream, table_name);
  if (!oid) return false;
  return std::none_of(records.begin(), records.end(),
                      [&](const auto& record) { return record.source_oid == *oid && !record.backfill.empty(); });
}

// The number comes first: it ends at the first '_', whatever the stream is called.
std::string load_table_name(std::string_view stream, std::uint32_t source_oid) {
  return std::string(kLoadPrefix) + std::to_string(source_oid) + "_" + std::string(stream);
}

bool is_load_table(std::string_view stream, std::string_view table_name) {
  if (!table_name.starts_with(kLoadPrefix)) return false;
  const auto rest = table_name.substr(kLoadPrefix.size());
  const auto digits = rest.find_first_not_of("0123456789");
  return digits != 0 && digits != std::string_view::npos && rest[digits] == '_' && rest.substr(digits + 1) == stream;
}

CommitOutcome settle_commit(const StoredCheckpoint& before, const Checkpoint& wanted,
                            const std::optional<StoredCheckpoint>& now) {
  if (!now || now->epoch < before.epoch) return CommitOutcome::Replaced;
  if (now->epoch > before.epoch) return CommitOutcome::Fenced;
  if (now->guard == before.guard && now->checkpoint == before.checkpoint) return CommitOutcome::NotApplied;
  if (now->guard == before.guard + 1 && now->checkpoint == wanted) return CommitOutcome::Applied;
  return CommitOutcome::Replaced;
}

Error fenced_error(const std::string& cache) {
  return {Verdict::Operator, "fenced", "another walbridge has taken over this stream in cache " + cache,
          "run one walbridge per stream and cache; stop the other one or give it its own `name`"};
}

Error replaced_error(const std::string& cache, const std::string& what) {
  return {Verdict::Gap, "cache-replaced", "cache " + cache + " was replaced while running: " + what,
          "restart walbridge; an empty cache is filled again, a restored one must be emptied first"};
}

std::optional<std::string> stored_time(Timestamp at) {
  if (!at) return std::nullopt;
  return to_iso(at);
}

// The inverse of to_iso(): "2026-11-21T10:00:00.123456+00:00".
Timestamp time_from_stored(std::string_view iso) {
  using namespace std::chrono;
  const int y = number_at(iso, 0, 4), m = number_at(iso, 5, 2), d = number_at(iso, 8, 2);
  const int hour = number_at(iso, 11, 2), minute = number_at(iso, 14, 2), second = number_at(iso, 17, 2);
  const int micro = number_at(iso, 20, 6);
  if (y < 0 || m < 0 || d < 0 || hour < 0 || minute < 0 || second < 0 || micro < 0) return {};
  const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
  if (!date.ok()) return {};
  const auto instant = sys_days{date} + hours{hour} + minutes{minute} + seconds{second} + microseconds{micro};
  return {duration_cast<microseconds>(instant.time_since_epoch()).count()};
}

TableState table_state_from_stored(std::string_view state) {
  for (const auto known : {TableState::Pending, TableState::Live}) {
    if (state == to_string(known)) return known;
  }
  return TableState::Stopped;
}

}  // namespace walbridge::sink_libsql
