#include "source-pg/schema_capture.h"

#include <utility>

#include <fmt/format.h>

#include "source-pg/capture_state.h"
#include "source-pg/publication.h"
#include "source-pg/schema_capture_sql.h"
#include "source-pg/sha256.h"

namespace walbridge::source_pg {
namespace {

constexpr const char* kDoing = "installing the event triggers";
constexpr const char* kCost =
    "until then the catalog is looked at every few seconds: a table that changes shape between two looks is copied "
    "again, "
    "indexes and renamed labels follow within seconds";

// Whoever installs is alone, and whatever the schemas of the session's path hold is not looked at.
constexpr const char* kBegin =
    "BEGIN; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL lock_timeout = '10s'; "
    "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('walbridge/install', 0))";

// A table that nobody sees: everything the triggers are for, and then nothing of it happened. They count what they send
// in a setting of the session, which only this transaction makes.
constexpr const char* kCanary = R"(
BEGIN; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL lock_timeout = '10s';
SELECT pg_catalog.set_config('walbridge.canary', 'sent', true);
CREATE SCHEMA {0}; CREATE TABLE {0}.canary (id pg_catalog.int4 PRIMARY KEY);
ALTER TABLE {0}.canary ADD COLUMN rewritten pg_catalog.float8 DEFAULT pg_catalog.random();
DROP TABLE {0}.canary;
SELECT pg_catalog.current_setting('walbridge.canary'))";
constexpr const char* kCanarySang = "sent ddl1 rewrite0 ddl1 ddl0";

// Stable for as long as the URL is, so that a restart trusts what an earlier run announced.
std::string derived_token(const config::Source& source) { return sha256_hex(source.slot + "\n" + source.url.reveal()); }

CaptureStatus polling(const CaptureState& state, const config::Source& source, std::string problem, std::string fix) {
  return {CaptureStatus::Mode::Polling, state.token.empty() ? derived_token(source) : state.token, std::move(problem),
          std::move(fix)};
}

CaptureStatus triggers(const CaptureState& state) { return {CaptureStatus::Mode::Triggers, state.token, "", ""}; }

CaptureStatus switched_off(const CaptureState& state, const config::Source& source) {
  return polling(state, source, "source.event_triggers is false", "set source.event_triggers: true");
}

// A failure that leaves the connection alone is an answer.
Result<std::string> refusal_of(Connection& connection, Error error) {
  static_cast<void>(connection.execute("ROLLBACK"));
  if (!connection.healthy()) return error;
  return error.code + " " + error.message;
}

// Empty: the triggers sent all that they should. "skipped": the role may not make the schema to try it in.
Result<std::string> sing(Connection& connection) {
  const auto schema = fmt::format("walbridge_canary_{}", connection.backend_pid());
  const auto sung = connection.query(fmt::format(fmt::runtime(kCanary), schema), "trying the event triggers");
  if (!sung) return refusal_of(connection, sung.error());
  const std::string heard = sung->string(0, 0);
  WALBRIDGE_TRY(connection.execute("ROLLBACK", "trying the event triggers"));
  if (heard == kCanarySang) return std::string();
  return fmt::format("a table made, altered and dropped for a trial should have sent \"{}\", but sent \"{}\"",
                     kCanarySang, heard);
}

Result<CaptureStatus> prove(Connection& connection, const config::Source& source, const CaptureState& state) {
  if (!state.may_create) return triggers(state);  // what the catalog says must do
  WALBRIDGE_TRY_AS(const auto silence, sing(connection));
  if (silence.empty()) return triggers(state);
  return polling(
      state, source, "the event triggers are installed, but do not work: " + silence,
      state.superuser && state.neon ? "connect with a role that is no superuser: Neon skips triggers for those" : "");
}

Result<CaptureStatus> cannot_install(Connection& connection, const config::Source& source, const CaptureState& state,
                                     Error error) {
  const std::string code = error.code;
  WALBRIDGE_TRY_AS(const auto why, refusal_of(connection, std::move(error)));
  const auto role = quote_name(state.role);
  if (code != "42501") return polling(state, source, "the event triggers cannot be installed: " + why, "");
  if (state.schema && !state.readable && !state.broken()) {
    return polling(
        state, source, fmt::format("event triggers are installed, but role {} may not read whose they are", state.role),
        fmt::format("GRANT USAGE ON SCHEMA walbridge TO {0}; GRANT SELECT ON walbridge.install TO {0}", role));
  }
  return polling(
      state, source, fmt::format("role {} may not create event triggers", state.role),
      fmt::format("ALTER ROLE {0} SUPERUSER; -- then restart walbridge once, then: ALTER ROLE {0} NOSUPERUSER", role));
}

Status install(Connection& connection, const config::Source& source) {
  WALBRIDGE_TRY(connection.execute(kBegin, kDoing));
  WALBRIDGE_TRY(connection.execute(install_functions_sql(), kDoing));
  WALBRIDGE_TRY(connection.execute(install_triggers_sql(), kDoing));
  WALBRIDGE_TRY(connection.query("INSERT INTO walbridge.bridge (slot) VALUES ($1) ON CONFLICT DO NOTHING",
                                 {source.slot}, kDoing));
  return connection.execute("COMMIT", kDoing);
}

// So that no other bridge takes the triggers for its own.
Status sign(Connection& connection, const config::Source& source) {
  auto signed_in =
      connection.query("INSERT INTO walbridge.bridge (slot) VALUES ($1) ON CONFLICT DO NOTHING", {source.slot}, kDoing);
  if (!signed_in && !connection.healthy()) return std::move(signed_in.error());
  return Done{};
}

}  // namespace

Result<CaptureStatus> ensure_capture(Connection& connection, const config::Source& source) {
  WALBRIDGE_TRY_AS(auto state, read_capture_state(connection));
  if (!source.event_triggers) return switched_off(state, source);
  if (state.foreign()) return polling(state, source, foreign_problem(state), foreign_fix(state));
  if (!state.current() || state.broken()) {
    if (auto installed = install(connection, source); !installed) {
      return cannot_install(connection, source, state, std::move(installed.error()));
    }
    WALBRIDGE_TRY_AS(state, read_capture_state(connection));
    if (const auto trouble = state.broken()) return polling(state, source, trouble->problem, trouble->fix);
  } else {
    WALBRIDGE_TRY(sign(connection, source));
  }
  return prove(connection, source, state);
}

Result<CaptureStatus> capture_status(Connection& connection, const config::Source& source) {
  WALBRIDGE_TRY_AS(const auto state, read_capture_state(connection));
  if (!source.event_triggers) return switched_off(state, source);
  if (state.foreign()) return polling(state, source, foreign_problem(state), foreign_fix(state));
  if (!state.schema) return polling(state, source, "event triggers are not installed", "restart walbridge");
  if (const auto trouble = state.broken()) return polling(state, source, trouble->problem, trouble->fix);
  if (!state.readable) {
    return polling(state, source, fmt::format("role {} may not read whose event triggers there are", state.role),
                   fmt::format("GRANT USAGE ON SCHEMA walbridge TO {0}; GRANT SELECT ON walbridge.install TO {0}",
                               quote_name(state.role)));
  }
  return triggers(state);
}

Result<std::vector<OwnedObject>> owned_capture(Connection& connection, const config::Source& source) {
  WALBRIDGE_TRY_AS(const auto state, read_capture_state(connection));
  std::vector<OwnedObject> objects;
  if (!state.schema || state.foreign() || !state.readable) return objects;
  // Every bridge signs; one whose slot is gone is gone. A publication outlives its slot for a moment only.
  const auto others = connection.query(
      "SELECT FROM walbridge.bridge b JOIN pg_catalog.pg_replication_slots s ON s.slot_name::text = b.slot "
      "WHERE b.slot <> $1 AND s.database = pg_catalog.current_database() UNION ALL "
      "SELECT FROM pg_catalog.pg_publication p WHERE p.pubname <> $2 AND p.pubname <> $3 AND "
      "pg_catalog.starts_with(coalesce(pg_catalog.obj_description(p.oid, 'pg_publication'), ''), 'created by "
      "walbridge')",
      {source.slot, source.publication, append_publication_name(source.publication)}, "looking for other bridges");
  if (!others) return std::move(others.error());
  if (others->size() > 0) return objects;
  for (const auto& trigger : state.triggers) {
    objects.push_back({"event trigger", trigger.name, "DROP EVENT TRIGGER " + quote_name(trigger.name)});
  }
  objects.push_back({"schema", "walbridge", remove_schema_sql()});
  return objects;
}

Finding capture_finding(Connection& connection, const config::Source& source) {
  Finding finding{Finding::Severity::Ok, "schema-capture", "source", "", ""};
  const auto status = capture_status(connection, source);
  const auto state = read_capture_state(connection);
  if (!status || !state) {
    const Error& error = status ? state.error() : status.error();
    return {Finding::Severity::Error, error.code, "source", error.message, error.remedy};
  }
  if (status->mode == CaptureStatus::Mode::Triggers) {
    finding.message = "event triggers tell of changes of the schema";
  } else if (source.event_triggers && state->schema && !state->foreign() && state->broken()) {
    finding.severity = Finding::Severity::Warning;
    finding.message = status->problem + "; the next start of walbridge mends it if its role may";
    finding.fix = status->fix;
  } else if (source.event_triggers && !state->foreign() && (state->may_trigger || state->may_mend())) {
    finding.message = "event triggers will be installed, to tell of changes of the schema";
  } else {
    const bool missing = source.event_triggers && !state->schema;
    finding.severity = Finding::Severity::Warning;
    finding.message =
        (missing ? fmt::format("role {} may not create event triggers", state->role) : status->problem) + "; " + kCost;
    finding.fix = missing ? fmt::format("ALTER ROLE {} SUPERUSER; -- only for the first start of walbridge",
                                        quote_name(state->role))
                          : status->fix;
  }
  return finding;
}

}  // namespace walbridge::source_pg
