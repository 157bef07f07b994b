#include "sink-libsql/remote_check.h"

#include "sink-libsql/remote_catalog.h"
#include "sink-libsql/remote_error.h"
#include "sink-libsql/remote_state.h"

namespace walbridge::sink_libsql {
namespace {

using Severity = Finding::Severity;
using Kind = StepPurpose::Kind;

constexpr std::size_t kMostColumns = 2'000;

Finding from_error(const std::string& subject, const Error& error) {
  auto fix = error.remedy;
  if (fix.empty()) fix = "start the server, or correct sink.url";
  return {Severity::Error, error.code, subject, error.message, std::move(fix)};
}

// BEGIN IMMEDIATE already needs the right to write.
std::optional<Finding> check_writable(HranaConnection& connection, const std::string& subject) {
  HranaBatch batch;
  StepPurposes purposes;
  write_control(batch, purposes, Kind::Begin, "BEGIN IMMEDIATE");
  write_control(batch, purposes, Kind::Schema, "CREATE TABLE _walbridge_check (a INTEGER)");
  batch.step("ROLLBACK", HranaBatch::When::StepOk, 0);
  purposes.push_back({Kind::Rollback, {}});
  const auto reply = connection.run(batch, HranaConnection::Work::Write);
  if (!reply) return from_error(subject, reply.error());
  if (const auto error = first_step_error(connection.cache(), *reply, purposes)) return from_error(subject, *error);
  return std::nullopt;
}

void check_functions(HranaConnection& connection, const std::string& subject, std::vector<Finding>& findings) {
  HranaBatch batch;
  constexpr const char* kNeeded[] = {"SELECT '[1]'->>0 FROM json_each('[1]')", "SELECT unhex('00')",
                                     "SELECT jsonb('[1]')"};
  for (const char* sql : kNeeded) batch.step(sql, HranaBatch::When::Always);
  const auto reply = connection.run(batch, HranaConnection::Work::Read);
  if (!reply) return findings.push_back(from_error(subject, reply.error()));
  if (reply->request_error)
    return findings.push_back(from_error(subject, step_error(connection.cache(), *reply->request_error, nullptr)));
  constexpr const char* kNames[] = {"json_each and ->>", "unhex()", "jsonb()"};
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (reply->steps[i].state == HranaStep::State::Ok) continue;
    findings.push_back({Severity::Error, "sink-features", subject, std::string("the server lacks ") + kNames[i],
                        "use sqld 0.24 or later, tursodb 0.6 or later, or Turso Cloud"});
  }
}

void check_names(HranaConnection& connection, const std::string& subject, const std::string& stream,
                 std::span<const CacheTable* const> tables, std::vector<Finding>& findings) {
  const auto schema = read_schema(connection, stream);
  if (!schema) return findings.push_back(from_error(subject, schema.error()));
  const auto& catalog = schema->catalog;
  for (const auto* table : tables) {
    if (table->columns.size() > kMostColumns) {
      findings.push_back({Severity::Error, "too-many-columns", subject,
                          "table \"" + table->name + "\" has more than 2000 columns",
                          "leave columns out with a rule's `omit`"});
    }
    if (const auto* object = catalog.find(table->name); object != nullptr && !catalog.is_own(table->name)) {
      findings.push_back({Severity::Error, "table-exists", subject,
                          "the cache has a " + object->type + " \"" + object->name +
                              "\" that is not this stream's, and the name is wanted for " + table->source_name,
                          "give the table another name with a rule's `as`, or drop what is there"});
    }
  }
}

}  // namespace

std::vector<Finding> check_remote(HranaConnection& connection, const std::string& subject, const std::string& stream,
                                  std::span<const CacheTable* const> tables) {
  std::vector<Finding> findings;
  if (auto not_writable = check_writable(connection, subject)) {
    findings.push_back(*std::move(not_writable));
    return findings;
  }
  check_functions(connection, subject, findings);
  check_names(connection, subject, stream, tables, findings);
  if (!findings.empty()) return findings;
  const auto version = connection.server_version();
  const auto server = version && !version->empty() ? *version : std::string("a server that does not tell its version");
  findings.push_back({Severity::Ok, "cache", subject, connection.cache() + " can be written, " + server, ""});
  return findings;
}

}  // namespace walbridge::sink_libsql
