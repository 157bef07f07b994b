// What walbridge keeps in a remote cache, as steps of a batch and as rows of its reply. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/sink.h"
#include "sink-libsql/hrana_json.h"
#include "sink-libsql/hrana_rows.h"
#include "sink-libsql/system_tables.h"

namespace walbridge::sink_libsql {

// Each appends one step and its purpose; `when` defaults to "the step before was ok".
void write_control(HranaBatch& batch, StepPurposes& purposes, StepPurpose::Kind kind, std::string_view sql);
void write_stream_step(HranaBatch& batch, StepPurposes& purposes, StepPurpose::Kind kind, std::string_view sql,
                       const std::string& stream);
void write_guard(HranaBatch& batch, StepPurposes& purposes, const std::string& stream, const StoredCheckpoint& before,
                 const std::string& source_id, const Checkpoint& wanted);
void write_record(HranaBatch& batch, StepPurposes& purposes, const std::string& stream, const TableRecord& record);
void write_forget(HranaBatch& batch, StepPurposes& purposes, const std::string& stream, std::uint32_t source_oid);
// COMMIT, ROLLBACK unless it was ok, and in any case the stored position. Returns the number of the COMMIT step.
std::size_t write_end(HranaBatch& batch, StepPurposes& purposes, const std::string& stream);

// Rows of kReadCheckpoint and kReadTables. Retry "bad-reply" when they are not what the SQL selects.
Result<std::optional<StoredCheckpoint>> checkpoint_from(const HranaStep& step);
Result<std::vector<TableRecord>> tables_from(const HranaStep& step);
// The texts of the first column.
std::vector<std::string> names_from(const HranaStep& step);

}  // namespace walbridge::sink_libsql
