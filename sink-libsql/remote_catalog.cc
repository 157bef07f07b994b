#include "sink-libsql/remote_catalog.h"

#include <utility>
#include <vector>

#include "sink-libsql/remote_error.h"
#include "sink-libsql/remote_state.h"
#include "sink-libsql/system_tables.h"

namespace walbridge::sink_libsql {
namespace {

using Kind = StepPurpose::Kind;

constexpr const char* kOwnershipCheck =
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM sqlite_master WHERE lower(name) = lower(?1)) AND NOT EXISTS "
    "(SELECT 1 FROM _walbridge_tables WHERE stream = ?2 AND lower(cache_name) = lower(?1) AND snapshot_lsn <> 0) "
    "THEN json('table-exists') END";

constexpr const char* kFingerprint =
    "SELECT count(*) || ' ' || total(rootpage) || ' ' || total(length(name)) || ' ' || total(length(sql)) "
    "FROM sqlite_master";
constexpr const char* kSchemaCheck =
    "SELECT CASE WHEN (SELECT count(*) || ' ' || total(rootpage) || ' ' || total(length(name)) || ' ' || "
    "total(length(sql)) FROM sqlite_master) IS NOT ?1 THEN json('schema-moved') END";

Error no_schema() { return {Verdict::Retry, "bad-reply", "the server's answer does not hold its schema", ""}; }

}  // namespace

Result<RemoteSchema> read_schema(HranaConnection& connection, const std::string& stream) {
  HranaBatch batch;
  StepPurposes purposes;
  write_control(batch, purposes, Kind::Begin, "BEGIN");
  batch.step(kReadSchema, HranaBatch::When::PreviousOk, 0, true);
  batch.step(kFingerprint, HranaBatch::When::PreviousOk, 0, true);
  purposes.insert(purposes.end(), 2, {Kind::Read, {}});
  write_stream_step(batch, purposes, Kind::Read, kOwnTables, stream);
  batch.step("ROLLBACK", HranaBatch::When::StepOk, 0);
  purposes.push_back({Kind::Rollback, {}});
  WALBRIDGE_TRY_AS(const auto reply, connection.run(batch, HranaConnection::Work::Read));
  if (reply.request_error || reply.steps[2].state != HranaStep::State::Ok) {
    if (auto error = first_step_error(connection.cache(), reply, purposes)) return *std::move(error);
    return no_schema();
  }
  std::vector<SchemaObject> objects;
  bool has_system_tables = false;
  for (const auto& row : reply.steps[1].rows) {
    if (row.size() != 4) return no_schema();
    objects.push_back({row[0].bytes, row[1].bytes, row[2].bytes, row[3].bytes});
    has_system_tables = has_system_tables || row[1].bytes == "_walbridge_tables";
  }
  if (has_system_tables && reply.steps[3].state != HranaStep::State::Ok) {
    if (auto error = first_step_error(connection.cache(), reply, purposes)) return *std::move(error);
    return no_schema();
  }
  const auto& fingerprint = reply.steps[2].rows;
  if (fingerprint.size() != 1 || fingerprint.front().size() != 1) return no_schema();
  return RemoteSchema{CacheCatalog(stream, std::move(objects), names_from(reply.steps[3])),
                      fingerprint.front().front().bytes};
}

void write_schema_check(HranaBatch& batch, StepPurposes& purposes, const std::string& fingerprint) {
  batch.begin_step(kSchemaCheck);
  batch.text(fingerprint);
  batch.end_step();
  purposes.push_back({Kind::SchemaCheck, {}});
}

void write_ownership_check(HranaBatch& batch, StepPurposes& purposes, const std::string& stream,
                           const CacheTable& table) {
  batch.begin_step(kOwnershipCheck);
  batch.text(table.name);
  batch.text(stream);
  batch.end_step();
  purposes.push_back({Kind::OwnershipCheck, table.name});
}

}  // namespace walbridge::sink_libsql
