#include "sink-libsql/remote_state.h"

namespace walbridge::sink_libsql {
namespace {

using Kind = SqlValue::Kind;
using Row = std::vector<HranaValue>;

constexpr std::size_t kCheckpointColumns = 11;

Error unexpected_rows(const char* table) {
  return {Verdict::Retry, "bad-reply", std::string("the server's answer does not hold rows of ") + table, ""};
}

bool has_kinds(const Row& row, std::initializer_list<Kind> kinds) {
  if (row.size() != kinds.size()) return false;
  std::size_t i = 0;
  for (const auto kind : kinds) {
    if (row[i++].kind != kind) return false;
  }
  return true;
}

}  // namespace

void write_control(HranaBatch& batch, StepPurposes& purposes, StepPurpose::Kind kind, std::string_view sql) {
  batch.step(sql);
  purposes.push_back({kind, {}});
}

void write_stream_step(HranaBatch& batch, StepPurposes& purposes, StepPurpose::Kind kind, std::string_view sql,
                       const std::string& stream) {
  batch.begin_step(sql, HranaBatch::When::PreviousOk, 0, kind == StepPurpose::Kind::Read);
  batch.text(stream);
  batch.end_step();
  purposes.push_back({kind, {}});
}

void write_guard(HranaBatch& batch, StepPurposes& purposes, const std::string& stream, const StoredCheckpoint& before,
                 const std::string& source_id, const Checkpoint& wanted) {
  const auto time = stored_time(wanted.committed_at);
  batch.begin_step(kGuard);
  batch.text(stream);
  batch.text(source_id);
  batch.integer(stored_lsn(wanted.commit_lsn));
  batch.integer(stored_lsn(wanted.end_lsn));
  batch.value(time ? SqlValue::text(*time) : SqlValue::null());
  batch.integer(stored_lsn(wanted.partial_commit_lsn));
  batch.integer(static_cast<std::int64_t>(wanted.partial_changes));
  batch.integer(before.epoch);
  batch.integer(before.guard);
  batch.integer(stored_lsn(before.checkpoint.commit_lsn));
  batch.integer(stored_lsn(before.checkpoint.end_lsn));
  batch.integer(static_cast<std::int64_t>(before.checkpoint.partial_changes));
  const KafkaPlace& place = wanted.kafka;
  const bool direct = place.topic.empty();
  batch.value(direct ? SqlValue::null() : SqlValue::text(place.topic));
  batch.value(direct ? SqlValue::null() : SqlValue::of(std::int64_t{place.partition}));
  batch.value(direct ? SqlValue::null() : SqlValue::of(place.next_offset));
  batch.integer(before.checkpoint.kafka.next_offset);
  batch.end_step();
  purposes.push_back({StepPurpose::Kind::Guard, {}});
}

void write_record(HranaBatch& batch, StepPurposes& purposes, const std::string& stream, const TableRecord& record) {
  batch.begin_step(kUpsertTable);
  batch.text(stream);
  batch.integer(record.source_oid);
  batch.text(record.source_name);
  batch.text(record.cache_name);
  batch.text(to_string(record.state));
  batch.text(record.schema_hash);
  batch.integer(stored_lsn(record.snapshot_lsn));
  batch.text(record.code);
  batch.text(record.reason);
  batch.integer(stored_lsn(record.stopped_at));
  batch.text(record.backfill);
  batch.text(record.description);
  batch.text(record.shape);
  batch.end_step();
  purposes.push_back({StepPurpose::Kind::Control, {}});
}

void write_forget(HranaBatch& batch, StepPurposes& purposes, const std::string& stream, std::uint32_t source_oid) {
  batch.begin_step(kDeleteTable);
  batch.text(stream);
  batch.integer(source_oid);
  batch.end_step();
  purposes.push_back({StepPurpose::Kind::Control, {}});
}

std::size_t write_end(HranaBatch& batch, StepPurposes& purposes, const std::string& stream) {
  const auto commit = batch.step("COMMIT");
  purposes.push_back({StepPurpose::Kind::Commit, {}});
  batch.step("ROLLBACK", HranaBatch::When::StepNotOk, commit);
  purposes.push_back({StepPurpose::Kind::Rollback, {}});
  batch.begin_step(kReadCheckpoint, HranaBatch::When::Always, 0, true);
  batch.text(stream);
  batch.end_step();
  purposes.push_back({StepPurpose::Kind::Read, {}});
  return commit;
}

Result<std::optional<StoredCheckpoint>> checkpoint_from(const HranaStep& step) {
  if (step.rows.empty()) return std::optional<StoredCheckpoint>();
  const auto& row = step.rows.front();
  const bool timed = row.size() == kCheckpointColumns && row[5].kind == Kind::Text;
  const bool direct = row.size() == kCheckpointColumns && row[8].kind == Kind::Null;
  const auto number_of_place = direct ? Kind::Null : Kind::Integer;
  if (step.rows.size() != 1 || !has_kinds(row, {Kind::Text, Kind::Integer, Kind::Integer, Kind::Integer, Kind::Integer,
                                                timed ? Kind::Text : Kind::Null, Kind::Integer, Kind::Integer,
                                                direct ? Kind::Null : Kind::Text, number_of_place, number_of_place})) {
    return unexpected_rows("_walbridge_checkpoint");
  }
  StoredCheckpoint stored;
  stored.source_id = row[0].bytes;
  stored.epoch = row[1].integer;
  stored.guard = row[2].integer;
  stored.checkpoint.commit_lsn = lsn_from_stored(row[3].integer);
  stored.checkpoint.end_lsn = lsn_from_stored(row[4].integer);
  stored.checkpoint.committed_at = timed ? time_from_stored(row[5].bytes) : Timestamp{};
  stored.checkpoint.partial_commit_lsn = lsn_from_stored(row[6].integer);
  stored.checkpoint.partial_changes = static_cast<std::uint64_t>(row[7].integer);
  if (!direct) stored.checkpoint.kafka = {row[8].bytes, static_cast<std::int32_t>(row[9].integer), row[10].integer};
  return std::optional(std::move(stored));
}

Result<std::vector<TableRecord>> tables_from(const HranaStep& step) {
  std::vector<TableRecord> records;
  for (const auto& row : step.rows) {
    if (!has_kinds(row, {Kind::Integer, Kind::Text, Kind::Text, Kind::Text, Kind::Text, Kind::Integer, Kind::Text,
                         Kind::Text, Kind::Integer, Kind::Text, Kind::Text, Kind::Text})) {
      return unexpected_rows("_walbridge_tables");
    }
    auto& record = records.emplace_back();
    record.source_oid = static_cast<std::uint32_t>(row[0].integer);
    record.source_name = row[1].bytes;
    record.cache_name = row[2].bytes;
    record.state = table_state_from_stored(row[3].bytes);
    record.schema_hash = row[4].bytes;
    record.snapshot_lsn = lsn_from_stored(row[5].integer);
    record.code = row[6].bytes;
    record.reason = row[7].bytes;
    record.stopped_at = lsn_from_stored(row[8].integer);
    record.backfill = row[9].bytes;
    record.description = row[10].bytes;
    record.shape = row[11].bytes;
  }
  return records;
}

std::vector<std::string> names_from(const HranaStep& step) {
  std::vector<std::string> names;
  for (const auto& row : step.rows) {
    if (!row.empty() && row.front().kind == Kind::Text) names.push_back(row.front().bytes);
  }
  return names;
}

}  // namespace walbridge::sink_libsql
