#include "sink-libsql/local_state.h"

#include <functional>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

SqlValue lsn_value(Lsn lsn) { return SqlValue::of(stored_lsn(lsn)); }

KafkaPlace kafka_place_in(sqlite3_stmt* row, int first) {
  if (sqlite3_column_type(row, first) == SQLITE_NULL) return {};
  return {column_text(row, first), sqlite3_column_int(row, first + 1), sqlite3_column_int64(row, first + 2)};
}

Status run_all(SqliteHandle& db, std::span<const char* const> statements) {
  for (const char* sql : statements) WALBRIDGE_TRY(db.execute(sql));
  return {};
}

// The position is not where this writer left it: who moved it?
Error lost_position(SqliteHandle& db, const LocalIdentity& cache, std::int64_t epoch) {
  const auto now = read_checkpoint(db, cache.stream);
  if (!now) return replaced_error(cache.name, "its checkpoint cannot be read");
  if (*now && (*now)->epoch > epoch) return fenced_error(cache.name);
  return replaced_error(cache.name, *now ? "its checkpoint is not the one written last" : "its checkpoint is gone");
}

}  // namespace

Status make_system_tables(SqliteHandle& db) {
  WALBRIDGE_TRY_AS(const auto lacks_descriptions, db.integer(kLacksDescriptions));
  if (lacks_descriptions > 0) WALBRIDGE_TRY(run_all(db, add_descriptions()));
  WALBRIDGE_TRY_AS(const auto lacks_kafka_place, db.integer(kLacksKafkaPlace));
  if (lacks_kafka_place > 0) WALBRIDGE_TRY(run_all(db, add_kafka_place()));
  WALBRIDGE_TRY_AS(const auto present, db.integer(kCountSystemObjects));
  if (present == kSystemObjects) return {};
  return run_all(db, create_system_tables());
}

Result<StoredCheckpoint> take_over(SqliteHandle& db, const LocalIdentity& cache) {
  WALBRIDGE_TRY(db.execute(kEnsureCheckpoint, {SqlValue::text(cache.stream)}));
  WALBRIDGE_TRY(db.execute(kTakeOver, {SqlValue::text(cache.stream)}));
  WALBRIDGE_TRY_AS(auto stored, read_checkpoint(db, cache.stream));
  if (!stored) return replaced_error(cache.name, "its checkpoint cannot be written");
  return *std::move(stored);
}

Result<std::optional<StoredCheckpoint>> read_checkpoint(SqliteHandle& db, const std::string& stream) {
  std::optional<StoredCheckpoint> stored;
  WALBRIDGE_TRY_AS(const auto lacks_kafka_place, db.integer(kLacksKafkaPlace));
  const char* const sql = lacks_kafka_place > 0 ? kReadCheckpointWithoutKafkaPlace : kReadCheckpoint;
  WALBRIDGE_TRY(db.query(sql, {SqlValue::text(stream)}, [&](sqlite3_stmt* row) {
    stored.emplace();
    stored->source_id = column_text(row, 0);
    stored->epoch = sqlite3_column_int64(row, 1);
    stored->guard = sqlite3_column_int64(row, 2);
    stored->checkpoint.commit_lsn = lsn_from_stored(sqlite3_column_int64(row, 3));
    stored->checkpoint.end_lsn = lsn_from_stored(sqlite3_column_int64(row, 4));
    stored->checkpoint.committed_at = time_from_stored(column_text(row, 5));
    stored->checkpoint.partial_commit_lsn = lsn_from_stored(sqlite3_column_int64(row, 6));
    stored->checkpoint.partial_changes = static_cast<std::uint64_t>(sqlite3_column_int64(row, 7));
    stored->checkpoint.kafka = kafka_place_in(row, 8);
  }));
  return stored;
}

Result<std::vector<TableRecord>> read_tables(SqliteHandle& db, const std::string& stream) {
  std::vector<TableRecord> tables;
  WALBRIDGE_TRY_AS(const auto lacks_descriptions, db.integer(kLacksDescriptions));
  WALBRIDGE_TRY(db.query(lacks_descriptions > 0 ? kReadTablesWithoutDescriptions : kReadTables,
                         {SqlValue::text(stream)}, [&](sqlite3_stmt* row) {
                           TableRecord record;
                           record.source_oid = static_cast<std::uint32_t>(sqlite3_column_int64(row, 0));
                           record.source_name = column_text(row, 1);
                           record.cache_name = column_text(row, 2);
                           record.state = table_state_from_stored(column_text(row, 3));
                           record.schema_hash = column_text(row, 4);
                           record.snapshot_lsn = lsn_from_stored(sqlite3_column_int64(row, 5));
                           record.code = column_text(row, 6);
                           record.reason = column_text(row, 7);
                           record.stopped_at = lsn_from_stored(sqlite3_column_int64(row, 8));
                           record.backfill = column_text(row, 9);
                           record.description = column_text(row, 10);
                           record.shape = column_text(row, 11);
                           tables.push_back(std::move(record));
                         }));
  return tables;
}

Result<SinkState> read_state(SqliteHandle& db, const std::string& stream) {
  SinkState state;
  WALBRIDGE_TRY_AS(const auto exist, db.integer(kSystemTablesExist));
  if (exist == 0) return state;
  WALBRIDGE_TRY_AS(auto stored, read_checkpoint(db, stream));
  if (stored && stored->filled()) {
    state.checkpoint = stored->checkpoint;
    state.source_id = std::move(stored->source_id);
  }
  WALBRIDGE_TRY_AS(state.tables, read_tables(db, stream));
  return state;
}

Status write_record(SqliteHandle& db, const std::string& stream, const TableRecord& record) {
  return db.execute(
      kUpsertTable,
      {SqlValue::text(stream), SqlValue::of(std::int64_t{record.source_oid}), SqlValue::text(record.source_name),
       SqlValue::text(record.cache_name), SqlValue::text(to_string(record.state)), SqlValue::text(record.schema_hash),
       lsn_value(record.snapshot_lsn), SqlValue::text(record.code), SqlValue::text(record.reason),
       lsn_value(record.stopped_at), SqlValue::text(record.backfill), SqlValue::text(record.description),
       SqlValue::text(record.shape)});
}

Status forget_record(SqliteHandle& db, const std::string& stream, std::uint32_t source_oid) {
  return db.execute(kDeleteTable, {SqlValue::text(stream), SqlValue::of(std::int64_t{source_oid})});
}

Status move_position(SqliteHandle& db, const LocalIdentity& cache, Statement& prepared, StoredCheckpoint& before,
                     const std::string& source_id, const Checkpoint& wanted) {
  if (!prepared) {
    auto made = db.prepare(kGuard, true);
    if (!made) return lost_position(db, cache, before.epoch);
    prepared = *std::move(made);
  }
  const auto committed_at = stored_time(wanted.committed_at);
  const KafkaPlace& place = wanted.kafka;
  const bool direct = place.topic.empty();
  const SqlValue arguments[] = {
      SqlValue::text(cache.stream),
      SqlValue::text(source_id),
      lsn_value(wanted.commit_lsn),
      lsn_value(wanted.end_lsn),
      committed_at ? SqlValue::text(*committed_at) : SqlValue::null(),
      lsn_value(wanted.partial_commit_lsn),
      SqlValue::of(static_cast<std::int64_t>(wanted.partial_changes)),
      SqlValue::of(before.epoch),
      SqlValue::of(before.guard),
      lsn_value(before.checkpoint.commit_lsn),
      lsn_value(before.checkpoint.end_lsn),
      SqlValue::of(static_cast<std::int64_t>(before.checkpoint.partial_changes)),
      direct ? SqlValue::null() : SqlValue::text(place.topic),
      direct ? SqlValue::null() : SqlValue::of(std::int64_t{place.partition}),
      direct ? SqlValue::null() : SqlValue::of(place.next_offset),
      SqlValue::of(before.checkpoint.kafka.next_offset),
  };
  int position = 0;
  for (const auto& argument : arguments) bind_value(prepared.get(), ++position, argument);
  const int outcome = sqlite3_step(prepared.get());
  Status status;
  if (outcome != SQLITE_DONE) {
    status = db.last_error("move the checkpoint");
    const int family = sqlite3_errcode(db.raw()) & 0xFF;
    // Anything but the disk means that the row or its table is not what it was.
    if (family == SQLITE_CONSTRAINT || family == SQLITE_ERROR) status = lost_position(db, cache, before.epoch);
  }
  sqlite3_reset(prepared.get());
  if (!status) return status;
  before = {source_id, before.epoch, before.guard + 1, wanted};
  return {};
}

Status require_epoch(SqliteHandle& db, const LocalIdentity& cache, std::int64_t epoch) {
  const auto now = read_checkpoint(db, cache.stream);
  if (now && *now && (*now)->epoch == epoch) return {};
  return lost_position(db, cache, epoch);
}

Result<Owner> owner_of(SqliteHandle& db, const std::string& stream, const std::string& table_name) {
  const SqlValue name = SqlValue::text(table_name);
  WALBRIDGE_TRY_AS(const auto exists,
                   db.integer("SELECT count(*) FROM sqlite_master WHERE lower(name) = lower(?1)", {name}));
  if (exists == 0) return Owner::Nobody;
  Owner owner = Owner::Stranger;
  WALBRIDGE_TRY(db.query(kOwnersOfTable, {name}, [&](sqlite3_stmt* row) {
    const bool ours = column_text(row, 0) == stream;
    if (ours || owner == Owner::Stranger) owner = ours ? Owner::ThisStream : Owner::OtherStream;
  }));
  return owner;
}

Error table_exists_error(const LocalIdentity& cache, const CacheTable& table, Owner owner) {
  const char* whose = owner == Owner::Stranger ? " that walbridge did not make" : " that belongs to another stream";
  return {Verdict::Operator, "table-exists",
          "cache " + cache.name + " has a table, index or view " + quote_identifier(table.name) + whose +
              ", and the name is wanted for " + table.source_name,
          "give the table another name in the cache with `as:` in a rule, or drop what is there", table.name};
}

Status require_loadable(SqliteHandle& db, const LocalIdentity& cache, const CacheTable& table) {
  WALBRIDGE_TRY_AS(const auto owner, owner_of(db, cache.stream, table.name));
  if (owner == Owner::Nobody || owner == Owner::ThisStream) return {};
  return table_exists_error(cache, table, owner);
}

namespace {

Status drop_hidden(SqliteHandle& db, const std::function<bool(const std::string&)>& goes) {
  std::vector<std::string> names;
  WALBRIDGE_TRY(db.query(kListHiddenTables, {}, [&](sqlite3_stmt* row) {
    if (auto name = column_text(row, 0); goes(name)) names.push_back(std::move(name));
  }));
  for (const auto& name : names) WALBRIDGE_TRY(db.execute("DROP TABLE " + quote_identifier(name)));
  return {};
}

}  // namespace

Status drop_load_tables(SqliteHandle& db, const std::string& stream) {
  return drop_hidden(db, [&](const std::string& name) { return is_load_table(stream, name); });
}

Status drop_orphans(SqliteHandle& db, const std::string& stream, std::span<const TableRecord> records) {
  return drop_hidden(db, [&](const std::string& name) { return is_orphan(stream, name, records); });
}

}  // namespace walbridge::sink_libsql
