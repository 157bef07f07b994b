#include "source-pg/admin.h"

#include "pipeline/api/source_json.h"
#include "source-pg/announcement.h"
#include "source-pg/application_name.h"
#include "source-pg/catalog.h"
#include "source-pg/identity.h"
#include "source-pg/open.h"
#include "source-pg/preflight.h"
#include "source-pg/publication.h"
#include "source-pg/publication_change.h"
#include "source-pg/schema_capture.h"
#include "source-pg/slot.h"

namespace walbridge::source_pg {
namespace {

// The lock's key in pg_locks is split into two halves; objsubid 1 marks the 64-bit kind.
constexpr const char* kTakeLock = R"(
WITH k AS (SELECT pg_catalog.hashtextextended('walbridge/' || $1, 0) AS key)
SELECT pg_catalog.pg_try_advisory_lock(k.key),
       (SELECT l.pid FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
        AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
        AND l.classid = ((k.key >> 32) & 4294967295)::pg_catalog.oid AND l.objid = (k.key & 4294967295)::pg_catalog.oid LIMIT 1)
FROM k)";

}  // namespace

Result<Connection*> Admin::connected() {
  if (connection_ && connection_->healthy()) return &*connection_;
  connection_.reset();
  WALBRIDGE_TRY_AS(auto connection, Connection::open(source_, Connection::Kind::Ordinary, kAdminApplication));
  if (locked_) {
    auto taken = take_lock(connection);
    if (!taken) {
      // Our own broken connection may hold it until the server notices.
      taken.error().verdict = Verdict::Retry;
      return std::move(taken.error());
    }
  }
  connection_ = std::move(connection);
  return &*connection_;
}

Status Admin::take_lock(Connection& connection) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kTakeLock, {source_.slot}, "locking slot " + source_.slot));
  if (rows.flag(0, 0)) {
    locked_ = true;
    last_pid_ = connection.backend_pid();
    return Done{};
  }
  const auto holder = rows.integer(0, 1);
  if (locked_ && holder == last_pid_) {
    WALBRIDGE_TRY(connection.query("SELECT pg_catalog.pg_terminate_backend($1::pg_catalog.int4)",
                                   {std::to_string(holder)}, "ending the broken connection"));
  }
  const auto who = holder == 0 ? std::string("another session") : "pid " + std::to_string(holder);
  return Error{Verdict::Operator, "already-running",
               "another walbridge works with slot " + source_.slot + ": " + who + " at the source holds its lock",
               "stop it first, or give this one another name"};
}

Result<std::string> Admin::identity() {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  return read_identity(*connection, source_.slot);
}

Status Admin::lock() {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  if (locked_) return Done{};
  return take_lock(*connection);
}

Result<std::vector<SourceTable>> Admin::describe_tables() {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  return source_pg::describe_tables(*connection);
}

std::vector<Finding> Admin::preflight(std::span<const PublishedTable> tables) {
  auto connection = connected();
  if (!connection) return {finding_of(connection.error())};
  auto findings = preflight_server(**connection, source_, tables);
  auto of_tables = preflight_tables(**connection, source_, tables);
  findings.insert(findings.end(), std::make_move_iterator(of_tables.begin()), std::make_move_iterator(of_tables.end()));
  return findings;
}

Status Admin::ensure_publication(std::span<const PublishedTable> tables) {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  return source_pg::ensure_publication(*connection, source_, tables);
}

Status Admin::verify_publication(std::span<const PublishedTable> tables) {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  return source_pg::verify_publication(*connection, source_, tables);
}

Result<CaptureStatus> Admin::ensure_capture() {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  WALBRIDGE_TRY_AS(auto status, source_pg::ensure_capture(*connection, source_));
  token_ = status.token;
  polling_ = status.mode == CaptureStatus::Mode::Polling;
  return status;
}

Result<CaptureStatus> Admin::capture_status() {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  WALBRIDGE_TRY_AS(auto status, source_pg::capture_status(*connection, source_));
  // The stream trusts the word it was given at its start, so that is what announcements go on bearing.
  if (!token_.empty() && status.token != token_) {
    if (status.mode == CaptureStatus::Mode::Triggers) {
      status.mode = CaptureStatus::Mode::Polling;
      status.problem = "event triggers were installed anew since walbridge started";
      status.fix = "restart walbridge";
    }
    status.token = token_;
  }
  return status;
}

Result<std::string> Admin::token(Connection& connection) {
  if (!token_.empty()) return token_;
  WALBRIDGE_TRY_AS(const auto status, source_pg::capture_status(connection, source_));
  return token_ = status.token;
}

Status Admin::announce(std::span<const std::uint32_t> oids) {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  WALBRIDGE_TRY_AS(const auto word, token(*connection));
  for (const auto oid : oids) {
    WALBRIDGE_TRY_AS(const auto said, announce_table(*connection, word, oid));
    if (!said) continue;
    WALBRIDGE_TRY_AS(const auto table, source_table_from_json(said->json));
    watch_.announced(table);
  }
  return Done{};
}

Result<CatalogWatch::Known> Admin::announce_changes(CatalogWatch::Known known) {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  WALBRIDGE_TRY_AS(const auto word, token(*connection));
  return watch_.announce_changes(*connection, word, std::move(known), polling_ ? source_.slot : std::string());
}

Result<Lsn> Admin::request_copy(std::span<const std::uint32_t> oids) {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  WALBRIDGE_TRY_AS(const auto word, token(*connection));
  return announce_copy(*connection, word, oids);
}

Result<std::vector<std::uint32_t>> Admin::unpublished(std::span<const SourceTable* const> tables) {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  return source_pg::unpublished(*connection, source_, tables);
}

Result<SlotStatus> Admin::slot_status() {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  WALBRIDGE_TRY_AS(auto status, read_slot(*connection, source_.slot));
  if (auto problem = slot_problem(status, source_.slot, PQdb(connection->raw()))) return *std::move(problem);
  return status;
}

Result<std::vector<OwnedObject>> Admin::owned() {
  WALBRIDGE_TRY_AS(auto* connection, connected());
  std::vector<OwnedObject> objects;
  WALBRIDGE_TRY_AS(const auto slot, read_slot(*connection, source_.slot));
  if (slot.exists && slot.plugin == "pgoutput" && slot.database == PQdb(connection->raw())) {
    objects.push_back({"slot", source_.slot, drop_slot_sql(*connection, source_.slot)});
  }
  WALBRIDGE_TRY_AS(const auto publication, read_publication(*connection, source_.publication));
  if (publication.exists && publication.ours) {
    objects.push_back({"publication", source_.publication, "DROP PUBLICATION " + quote_name(source_.publication)});
  }
  if (publication.append && publication.append->ours) {
    const auto name = append_publication_name(source_.publication);
    objects.push_back({"publication", name, "DROP PUBLICATION " + quote_name(name)});
  }
  WALBRIDGE_TRY_AS(auto capture, owned_capture(*connection, source_));
  objects.insert(objects.end(), std::make_move_iterator(capture.begin()), std::make_move_iterator(capture.end()));
  return objects;
}

// Looks again before it drops: the list may be old.
Status Admin::drop(const OwnedObject& object) {
  WALBRIDGE_TRY_AS(const auto ours, owned());
  for (const auto& candidate : ours) {
    if (candidate.kind != object.kind || candidate.name != object.name) continue;
    WALBRIDGE_TRY_AS(auto* connection, connected());
    if (candidate.kind == "slot") return drop_slot(*connection, candidate.name);
    return connection->execute(candidate.drop_sql, "dropping " + candidate.kind + " " + candidate.name);
  }
  return Done{};
}

std::unique_ptr<SourceAdmin> open_source_admin(const config::Config& config) {
  return std::make_unique<Admin>(config.source);
}

}  // namespace walbridge::source_pg
