#include "source-pg/slot.h"

#include <chrono>
#include <thread>

#include "source-pg/application_name.h"
#include "source-pg/pg_error.h"

namespace walbridge::source_pg {
namespace {

constexpr auto kReleaseTime = std::chrono::seconds(10);
constexpr auto kReleasePoll = std::chrono::milliseconds(50);

// All columns, because the view grows with every version; the position also when there is no slot.
constexpr const char* kSlot =
    "SELECT s.*, w.lsn AS walbridge_current_lsn FROM (SELECT pg_catalog.pg_current_wal_lsn() AS lsn) w "
    "LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name = $1";

constexpr const char* kOpenWriters = R"(
SELECT pg_catalog.string_agg(w.name, ', ' ORDER BY w.since) FROM (
  SELECT 'pid ' || a.pid || coalesce(' (' || a.application_name || ')', '') || ' since '
         || pg_catalog.date_trunc('second', pg_catalog.now() - a.xact_start)::pg_catalog.text AS name, a.xact_start AS since
  FROM pg_catalog.pg_stat_activity a
  WHERE a.backend_xid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
    AND a.xact_start <= pg_catalog.now() - pg_catalog.make_interval(secs => $1::pg_catalog.float8)
  UNION ALL
  SELECT 'prepared transaction ' || pg_catalog.quote_literal(p.gid), p.prepared
  FROM pg_catalog.pg_prepared_xacts p WHERE p.prepared <= pg_catalog.now() - pg_catalog.make_interval(secs => $1::pg_catalog.float8)
  ORDER BY since LIMIT 5) w)";

std::string text_of(const Rows& rows, const char* column) {
  const int position = rows.find(column);
  return position < 0 ? std::string() : rows.string(0, position);
}

Lsn lsn_of(const Rows& rows, const char* column) { return parse_lsn(text_of(rows, column)).value_or(Lsn{}); }

// Ends the walsender on this slot if its name says it is a walbridge.
Status end_own_walsender(Connection& connection, const std::string& name, std::int32_t pid) {
  WALBRIDGE_TRY_AS(const auto rows,
                   connection.query("SELECT a.application_name, pg_catalog.pg_terminate_backend(a.pid) "
                                    "FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1::pg_catalog.int4 "
                                    "AND pg_catalog.starts_with(a.application_name, $2)",
                                    {std::to_string(pid), kApplicationPrefix}, "ending the stream on slot " + name));
  if (rows.size() > 0) return Done{};
  return Error{Verdict::Operator, "slot-in-use",
               "slot " + name + " is in use by pid " + std::to_string(pid) + ", which is no walbridge",
               "stop that client, then try again"};
}

}  // namespace

Result<SlotStatus> read_slot(Connection& connection, const std::string& name) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kSlot, {name}, "reading slot " + name));
  SlotStatus status;
  status.current_lsn = lsn_of(rows, "walbridge_current_lsn");
  status.exists = !text_of(rows, "slot_name").empty();
  if (!status.exists) return status;
  status.active = text_of(rows, "active") == "t";
  status.active_pid = static_cast<std::int32_t>(rows.integer(0, rows.find("active_pid")));
  status.wal_status = text_of(rows, "wal_status");
  status.invalidation_reason = text_of(rows, "invalidation_reason");
  status.plugin = text_of(rows, "plugin");
  status.database = text_of(rows, "database");
  status.restart_lsn = lsn_of(rows, "restart_lsn");
  status.confirmed_flush_lsn = lsn_of(rows, "confirmed_flush_lsn");
  if (status.restart_lsn) status.retained_bytes = bytes_between(status.restart_lsn, status.current_lsn);
  const int safe = rows.find("safe_wal_size");
  if (safe >= 0 && !rows.is_null(0, safe)) status.safe_bytes = rows.integer(0, safe);
  return status;
}

std::optional<Error> slot_problem(const SlotStatus& status, const std::string& name, const std::string& database) {
  if (!status.exists) return std::nullopt;
  const std::string another_name = "set another source.slot, or drop that slot if nobody needs it";
  if (status.plugin != "pgoutput") {
    return Error{Verdict::Operator, "slot-plugin",
                 "slot " + name + " is " + (status.plugin.empty() ? "physical" : "of plugin " + status.plugin) +
                     ", not pgoutput",
                 another_name};
  }
  if (status.database != database) {
    return Error{Verdict::Operator, "slot-database",
                 "slot " + name + " belongs to database " + status.database + ", not to " + database, another_name};
  }
  if (status.wal_status == "lost" || !status.invalidation_reason.empty()) {
    const auto reason = status.invalidation_reason.empty() ? std::string() : " (" + status.invalidation_reason + ")";
    return Error{Verdict::Gap, "slot-lost",
                 "slot " + name + " is lost" + reason + ": the source no longer has the log it needs",
                 "run `walbridge destroy --caches`, then `walbridge run` to copy everything again"};
  }
  return std::nullopt;
}

Result<std::string> describe_open_writers(Connection& connection, int older_than_seconds) {
  WALBRIDGE_TRY_AS(const auto rows,
                   connection.query(kOpenWriters, {std::to_string(older_than_seconds)}, "reading open transactions"));
  return rows.string(0, 0);
}

std::string drop_slot_sql(const Connection& connection, const std::string& name) {
  return "SELECT pg_drop_replication_slot(" + connection.quote_literal(name) + ")";
}

Status drop_slot(Connection& connection, const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + kReleaseTime;
  for (;;) {
    WALBRIDGE_TRY_AS(const auto status, read_slot(connection, name));
    if (!status.exists) return Done{};
    if (status.active) {
      WALBRIDGE_TRY(end_own_walsender(connection, name, status.active_pid));
    } else {
      auto dropped = connection.execute(drop_slot_sql(connection, name), "dropping slot " + name);
      if (dropped || dropped.error().verdict != Verdict::Retry) return dropped;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{Verdict::Retry, "slot-in-use",
                   "slot " + name + " is still in use by pid " + std::to_string(status.active_pid), "try again"};
    }
    std::this_thread::sleep_for(kReleasePoll);
  }
}

}  // namespace walbridge::source_pg
