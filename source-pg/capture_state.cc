#include "source-pg/capture_state.h"

#include <array>

#include <fmt/format.h>

#include "source-pg/schema_capture_sql.h"

namespace walbridge::source_pg {
namespace {

constexpr const char* kDoing = "looking at the event triggers";
constexpr std::array<const char*, 3> kTriggers = {"walbridge_ddl", "walbridge_drop", "walbridge_rewrite"};

// Services let some roles make event triggers that are no superusers.
constexpr const char* kSchema = R"(
SELECT current_user, r.rolsuper, pg_catalog.current_setting('neon.timeline_id', true) IS NOT NULL,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
       r.rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_roles g
         WHERE g.rolname IN ('neon_superuser', 'rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin')
           AND pg_catalog.pg_has_role(current_user, g.oid, 'MEMBER')),
       n.oid IS NOT NULL,
       coalesce(pg_catalog.obj_description(n.oid, 'pg_namespace') = 'created by walbridge', false),
       NOT EXISTS (SELECT FROM (SELECT n.nspowner AS o
                                UNION ALL SELECT p.proowner FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid
                                UNION ALL SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid) x
                   JOIN pg_catalog.pg_roles w ON w.oid = x.o WHERE w.oid <> r.oid AND NOT w.rolsuper
                     AND NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc p
                                     ON p.oid = t.evtfoid WHERE p.pronamespace = n.oid AND t.evtowner = w.oid)),
       coalesce(n.nspowner = r.oid, false),
       coalesce(pg_catalog.current_setting('event_triggers', true), 'on') = 'on',
       coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND (
         SELECT pg_catalog.has_table_privilege(c.oid, 'SELECT') FROM pg_catalog.pg_class c
         WHERE c.relnamespace = n.oid AND c.relname = 'install'), false)
FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'walbridge'
WHERE r.rolname = current_user)";

constexpr const char* kInstalledTriggers =
    "SELECT t.evtname, t.evtenabled FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.evtfoid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'walbridge' AND p.proname = 'on_ddl' "
    "AND t.evttags IS NULL AND (t.evtname, t.evtevent) IN "
    "(('walbridge_ddl', 'ddl_command_end'), ('walbridge_drop', 'sql_drop'), ('walbridge_rewrite', 'table_rewrite')) "
    "ORDER BY t.evtname";

Status read_install(Connection& connection, CaptureState& state) {
  WALBRIDGE_TRY_AS(const auto rows,
                   connection.query("SELECT version, source, token, checksum FROM walbridge.install", kDoing));
  if (rows.size() == 0) return Done{};
  state.version = static_cast<int>(rows.integer(0, 0));
  state.source = rows.string(0, 1);
  state.token = rows.string(0, 2);
  state.checksum = rows.string(0, 3);
  return Done{};
}

}  // namespace

Result<CaptureState> read_capture_state(Connection& connection) {
  CaptureState state;
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kSchema, kDoing));
  if (rows.size() == 0) {
    return Error{Verdict::Operator, "role", "the server does not show its own role",
                 "connect with a role of this server"};
  }
  state.role = rows.string(0, 0);
  state.superuser = rows.flag(0, 1);
  state.neon = rows.flag(0, 2);
  state.may_create = rows.flag(0, 3);
  state.may_trigger = rows.flag(0, 4);
  state.schema = rows.flag(0, 5);
  state.marked = rows.flag(0, 6);
  state.owned = rows.flag(0, 7);
  state.mine = rows.flag(0, 8);
  state.switched_on = rows.flag(0, 9);
  state.readable = rows.flag(0, 10);
  if (!state.schema) return state;
  WALBRIDGE_TRY_AS(const auto checksum, connection.query(kInstalledChecksum, kDoing));
  state.functions = checksum.string(0, 0);
  WALBRIDGE_TRY_AS(const auto triggers, connection.query(kInstalledTriggers, kDoing));
  for (int row = 0; row < triggers.size(); ++row) {
    state.triggers.push_back({triggers.string(row, 0), triggers.text(row, 1).front()});
  }
  if (state.readable) WALBRIDGE_TRY(read_install(connection, state));
  return state;
}

bool CaptureState::current() const {
  return version > kCaptureVersion || (version == kCaptureVersion && source == capture_source());
}

std::optional<CaptureState::Trouble> CaptureState::broken() const {
  if (!schema) return Trouble{"event triggers are not installed", "restart walbridge"};
  for (const char* wanted : kTriggers) {
    const Trigger* found = nullptr;
    for (const auto& trigger : triggers) found = trigger.name == wanted ? &trigger : found;
    if (found == nullptr) {
      return Trouble{fmt::format("event trigger {} is missing", wanted), "restart walbridge, which installs it again"};
    }
    if (found->enabled != 'A') {
      return Trouble{
          fmt::format("event trigger {} is {}", wanted, found->enabled == 'D' ? "disabled" : "not always on"),
          fmt::format("ALTER EVENT TRIGGER {} ENABLE ALWAYS", wanted)};
    }
  }
  if (readable && functions != checksum) {
    return Trouble{"a function in schema walbridge was changed", "restart walbridge, which installs it again"};
  }
  if (!switched_on) {
    return Trouble{"the server does not run event triggers (event_triggers is off)",
                   "ALTER SYSTEM SET event_triggers = on; SELECT pg_reload_conf()"};
  }
  return std::nullopt;
}

std::string foreign_problem(const CaptureState& state) {
  return state.marked ? "schema walbridge, or something in it, belongs to a role that is neither " + state.role +
                            " nor a superuser"
                      : "schema walbridge exists, and walbridge did not make it";
}

std::string foreign_fix(const CaptureState& state) {
  return state.marked
             ? "ALTER SCHEMA walbridge OWNER TO " + quote_name(state.role) + ", and its tables and functions likewise"
             : "ALTER SCHEMA walbridge RENAME TO something_else";
}

}  // namespace walbridge::source_pg
