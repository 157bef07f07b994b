// The outcome table of a remote cache: what each reply, or the lack of one, means and who must act. Pure.
// Messages name tables and codes; text of the server is passed on only where it cannot hold a row's value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/api/error.h"
#include "sink-libsql/hrana_json.h"
#include "sink-libsql/hrana_rows.h"

namespace walbridge::sink_libsql {

// An HTTP status other than 200. 404 is Retry here; whoever counts them decides when it is meant.
Error http_status_error(const std::string& cache, long status, std::string_view body);

// The server refused the stream, not the work: the same request goes at once on a new stream.
bool is_stream_refusal(long status, std::string_view body);
bool is_stream_refusal(const HranaError& error);

// An error inside a reply; `purpose` of the failed step, null for the batch as a whole.
Error step_error(const std::string& cache, const HranaError& error, const StepPurpose* purpose);

// The first failed step that matters; none when only skipped steps, rollback or the final reads failed.
std::optional<Error> first_step_error(const std::string& cache, const HranaReply& reply, const StepPurposes& purposes);

// The server answers but writes hang.
Error wedged_error(const std::string& cache, int timeouts);

}  // namespace walbridge::sink_libsql
