#include "sink-libsql/remote_error.h"

#include <algorithm>
#include <array>

#include "sink-libsql/alter_plan.h"

namespace walbridge::sink_libsql {
namespace {

constexpr std::size_t kLongestServerText = 200;

// One printable line.
std::string cleaned(std::string_view text) {
  std::string clean(text.substr(0, kLongestServerText));
  for (auto& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return clean;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(), [&](auto start) { return text.starts_with(start); });
}

// Passes by itself, and the transaction was rolled back. tursodb has one code for everything: its text decides.
bool is_transient(const HranaError& error) {
  return starts_with_any(error.code, {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_INTERRUPT", "SQLITE_PROTOCOL",
                                      "TRANSACTION_TIMEOUT", "TRANSACTION_BUSY", "PROXY_ERROR", "STREAM_EXPIRED"}) ||
         contains(error.message, "database is locked") || contains(error.message, "database table is locked") ||
         contains(error.message, "Database is busy") || contains(error.message, "Busy");
}

bool is_full(const HranaError& error) {
  return starts_with_any(error.code, {"SQLITE_FULL"}) || contains(error.message, "disk is full");
}

// Nothing that is repeated can end differently, and it lies with one table's rows or shape.
bool is_of_the_row(const HranaError& error) {
  return starts_with_any(error.code, {"SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "ARGS_INVALID",
                                      "SQL_INPUT_ERROR", "SQL_PARSE_ERROR", "RESPONSE_TOO_LARGE"}) ||
         contains(error.message, "constraint failed") || contains(error.message, "no such table") ||
         contains(error.message, "no such column") || contains(error.message, "has no column") ||
         contains(error.message, "string or blob too big") || contains(error.message, "datatype mismatch") ||
         contains(error.message, "malformed JSON") || contains(error.message, "JSON path") ||
         contains(error.message, "integer overflow") || contains(error.message, "generated column loop");
}

std::string table_of(const StepPurpose* purpose) { return purpose != nullptr ? purpose->table : std::string(); }

std::string about(const StepPurpose* purpose) {
  const auto table = table_of(purpose);
  return table.empty() ? table : "table \"" + table + "\": ";
}

}  // namespace

Error http_status_error(const std::string& cache, long status, std::string_view body) {
  const auto code = "http-" + std::to_string(status);
  const auto at = "cache " + cache + " answered " + std::to_string(status);
  const auto said = cleaned(parse_error_body(body).message);
  const auto with_reason = said.empty() ? at : at + ": " + said;
  switch (status) {
    case 401:
      return {Verdict::Operator, code, with_reason, "set sink.auth_token to a valid token of this database"};
    case 403:
      return {Verdict::Operator, code, with_reason, "use a token with full access to this database"};
    case 404:
      return {Verdict::Retry, code, with_reason, "check sink.url and that the token belongs to this database"};
    case 408:
    case 429:
      return {Verdict::Retry, code, with_reason, ""};
    case 413:
      return {Verdict::Operator, code, at + ": the request is too large for it", "set a smaller sink.batch_rows"};
    default:
      break;
  }
  if (status >= 500) return {Verdict::Retry, code, at, ""};
  if (status >= 300 && status < 400) {
    return {Verdict::Operator, code, at + ", a redirect", "set sink.url to the address it redirects to"};
  }
  return {Verdict::Operator, code, at, "check that sink.url is a libSQL server; if it is, report this defect"};
}

bool is_stream_refusal(long status, std::string_view body) {
  // 404: the newer server's answer to a baton it does not know.
  if (status != 400 && status != 404) return false;
  const auto error = parse_error_body(body);
  return is_stream_refusal({error.message.empty() ? std::string(body) : error.message, error.code});
}

bool is_stream_refusal(const HranaError& error) {
  return error.code == "STREAM_EXPIRED" || contains(error.message, "stream has expired") ||
         contains(error.message, "invalid baton") || contains(error.message, "baton that has already been used");
}

Error step_error(const std::string& cache, const HranaError& error, const StepPurpose* purpose) {
  using Kind = StepPurpose::Kind;
  const auto said = cleaned(error.message);
  const auto where = about(purpose);
  if (is_transient(error)) return {Verdict::Retry, error.code, where + "cache " + cache + " is busy: " + said, ""};
  if (error.code == "BLOCKED") {
    return {Verdict::Operator, error.code, "cache " + cache + " is blocked: " + said,
            "lift the quota or the block of this database, then restart"};
  }
  if (is_full(error)) {
    return {Verdict::Operator, error.code, "cache " + cache + " is full: " + said, "give the database more room"};
  }
  if (purpose != nullptr) {
    if (purpose->kind == Kind::Begin) return {Verdict::Retry, error.code, "cache " + cache + " is busy: " + said, ""};
    if (purpose->kind == Kind::RowCheck) {
      return {Verdict::PoisonRow, "row-missing", where + "a row to be updated is not in the cache",
              "somebody else wrote to the cache, or it misses rows: copy the table again", purpose->table};
    }
    if (purpose->kind == Kind::OwnershipCheck) {
      return {Verdict::Operator, "table-exists", where + "the cache has a table of this name that is not walbridge's",
              "rename or drop that table, or give ours another name with a rule's `as`", purpose->table};
    }
    if (purpose->kind == Kind::SchemaCheck) {
      return {Verdict::Retry, "schema-moved", "somebody else is changing the schema of cache " + cache, ""};
    }
    if (purpose->kind == Kind::Alter) return schema_refused(purpose->table, said);
    if (purpose->kind == Kind::Rows && is_of_the_row(error)) {
      return {Verdict::PoisonRow, error.code, where + said,
              "make the cache's table what `plan` shows, or correct the row at the source; then copy the table again",
              purpose->table};
    }
  }
  return {Verdict::Operator, error.code, where + "cache " + cache + " refused a statement: " + said,
          "correct what the message names; if it names nothing of yours, report this defect", table_of(purpose)};
}

std::optional<Error> first_step_error(const std::string& cache, const HranaReply& reply, const StepPurposes& purposes) {
  using Kind = StepPurpose::Kind;
  if (reply.request_error) return step_error(cache, *reply.request_error, nullptr);
  for (std::size_t i = 0; i < reply.steps.size() && i < purposes.size(); ++i) {
    const auto kind = purposes[i].kind;
    if (kind == Kind::Rollback) continue;
    if (reply.steps[i].state == HranaStep::State::Failed) return step_error(cache, reply.steps[i].error, &purposes[i]);
  }
  return std::nullopt;
}

Error wedged_error(const std::string& cache, int timeouts) {
  return {Verdict::Retry, "sqld-wedged",
          "cache " + cache + " answers reads but no write came back " + std::to_string(timeouts) +
              " times in a row: its write lock is stuck",
          "restart sqld; nothing is lost"};
}

}  // namespace walbridge::sink_libsql
