#include "sink-libsql/remote_catalog.h"

#include <strings.h>
#include <algorithm>

#include "sink-libsql/remote_error.h"

namespace walbridge::sink_libsql {
namespace {

constexpr const char* kOwnershipCheck =
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM sqlite_master WHERE lower(name) = lower(?1)) AND NOT EXISTS "
    "(SELECT 1 FROM _walbridge_tables WHERE stream = ?2 AND lower(cache_name) = lower(?1)) "
    "THEN json('table-exists') END";

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const auto& known) { return same_name(known, name); });
}

}  // namespace

bool same_name(const std::string& a, const std::string& b) { return strcasecmp(a.c_str(), b.c_str()) == 0; }

Result<std::vector<SchemaObject>> read_schema(HranaConnection& connection) {
  HranaBatch batch;
  batch.step("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master", HranaBatch::When::Always, 0, true);
  WALBRIDGE_TRY_AS(const auto reply, connection.run(batch, HranaConnection::Work::Read));
  if (const auto error = first_step_error(connection.cache(), reply, {{StepPurpose::Kind::Read, {}}})) return *error;
  std::vector<SchemaObject> schema;
  for (const auto& row : reply.steps.front().rows) {
    if (row.size() != 4) return Error{Verdict::Retry, "bad-reply", "the server's answer does not hold its schema", ""};
    schema.push_back({row[0].bytes, row[1].bytes, row[2].bytes, row[3].bytes});
  }
  return schema;
}

std::string free_index_name(const std::vector<SchemaObject>& schema, const std::vector<std::string>& replaced_tables,
                            const std::vector<std::string>& given, const CacheTable& table, const CacheIndex& index) {
  const bool taken = contains(given, index.name) || std::any_of(schema.begin(), schema.end(), [&](const auto& object) {
                       return same_name(object.name, index.name) &&
                              !(object.type == "index" && contains(replaced_tables, object.table));
                     });
  return taken ? table.name + "_" + index.name : index.name;
}

void write_ownership_check(HranaBatch& batch, StepPurposes& purposes, const std::string& stream,
                           const CacheTable& table) {
  batch.begin_step(kOwnershipCheck);
  batch.text(table.name);
  batch.text(stream);
  batch.end_step();
  purposes.push_back({StepPurpose::Kind::OwnershipCheck, table.name});
}

}  // namespace walbridge::sink_libsql
