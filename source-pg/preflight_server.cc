#include <algorithm>

#include "source-pg/preflight.h"
#include "source-pg/publication.h"
#include "source-pg/schema_capture.h"
#include "source-pg/slot.h"
#include "source-pg/source_url.h"

namespace walbridge::source_pg {
namespace {

using Severity = Finding::Severity;

constexpr int kOldestVersion = 140000;
constexpr int kLongTransactionSeconds = 10;
constexpr int kSendersWanted = 2;  // the stream, and the snapshot's exporter while it loads

// Settings that a version lacks come as NULL; a managed service's role stands in for the REPLICATION attribute.
constexpr const char* kServer = R"(
SELECT pg_catalog.current_setting('server_version'),
       pg_catalog.current_setting('wal_level'),
       pg_catalog.pg_is_in_recovery(),
       current_user, pg_catalog.current_database(),
       r.rolreplication OR r.rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_roles g WHERE g.rolname = 'rds_replication'
                                                 AND pg_catalog.pg_has_role(current_user, g.oid, 'MEMBER')),
       pg_catalog.current_setting('max_replication_slots')::pg_catalog.int8
         - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots),
       pg_catalog.current_setting('max_wal_senders')::pg_catalog.int8
         - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication),
       pg_catalog.current_setting('max_slot_wal_keep_size'),
       pg_catalog.current_setting('idle_replication_slot_timeout', true),
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
       pg_catalog.current_setting('neon.timeline_id', true) IS NOT NULL
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)";

struct Server {
  std::string version;
  std::string wal_level;
  bool standby = false;
  std::string user;
  std::string database;
  bool may_replicate = false;
  std::int64_t free_slots = 0;
  std::int64_t free_senders = 0;
  std::string keep_size;
  std::string idle_timeout;
  bool may_create = false;
  bool neon = false;
};

Result<Server> read_server(Connection& connection) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kServer, "reading the server's settings"));
  if (rows.size() == 0)
    return Error{Verdict::Operator, "role", "the server does not show its own role",
                 "connect with a role of this server"};
  return Server{rows.string(0, 0), rows.string(0, 1), rows.flag(0, 2),    rows.string(0, 3),
                rows.string(0, 4), rows.flag(0, 5),   rows.integer(0, 6), rows.integer(0, 7),
                rows.string(0, 8), rows.string(0, 9), rows.flag(0, 10),   rows.flag(0, 11)};
}

class Findings {
 public:
  explicit Findings(std::vector<Finding>& findings) : findings_(findings) {}
  void add(Severity severity, std::string code, std::string message, std::string fix = {}) {
    findings_.push_back({severity, std::move(code), "source", std::move(message), std::move(fix)});
  }
  // Ok with `good`, or `severity` with `bad` and `fix`.
  void judge(bool ok, Severity severity, const std::string& code, const std::string& good, const std::string& bad,
             const std::string& fix) {
    if (ok) {
      add(Severity::Ok, code, good);
    } else {
      add(severity, code, bad, fix);
    }
  }

 private:
  std::vector<Finding>& findings_;
};

void judge_readiness(const Server& server, int version, Findings& findings) {
  findings.judge(version >= kOldestVersion, Severity::Error, "server-version", "postgres " + server.version,
                 "postgres " + server.version + " is too old; walbridge needs 14 or later", "upgrade the server");
  findings.judge(!server.standby, Severity::Error, "primary", "the server is a primary", "the server is a standby",
                 "connect to the primary server");
  findings.judge(server.wal_level == "logical", Severity::Error, "wal-level", "wal_level is logical",
                 "wal_level is " + server.wal_level + ", so the log holds no row changes",
                 server.neon ? "enable logical replication in the Neon project's settings"
                             : "ALTER SYSTEM SET wal_level = 'logical'; then restart the server");
  findings.judge(server.may_replicate, Severity::Error, "replication-role", "role " + server.user + " may replicate",
                 "role " + server.user + " lacks the REPLICATION attribute",
                 server.neon ? "use a role made by Neon's console, command line or API"
                             : "ALTER ROLE " + quote_name(server.user) + " WITH REPLICATION");
}

void judge_capacity(const Server& server, bool slot_exists, Findings& findings) {
  const auto slots = std::to_string(server.free_slots);
  findings.judge(server.free_slots > 0, slot_exists ? Severity::Warning : Severity::Error, "free-slots",
                 slots + " replication slots are free",
                 slot_exists ? "no replication slot is free; loading a table later needs one for a while"
                             : "no replication slot is free",
                 "drop an unused slot, or raise max_replication_slots and restart the server");
  const auto senders = std::to_string(std::max<std::int64_t>(server.free_senders, 0));
  findings.judge(server.free_senders >= kSendersWanted, server.free_senders > 0 ? Severity::Warning : Severity::Error,
                 "free-wal-senders", senders + " walsenders are free",
                 senders + " walsenders are free; the stream needs one, a snapshot another",
                 "raise max_wal_senders and restart the server, or stop another replication client");
  findings.judge(
      server.keep_size != "-1", Severity::Warning, "slot-keep-size",
      "a slot keeps at most " + server.keep_size + " of log",
      "max_slot_wal_keep_size is unlimited: while walbridge is down the slot keeps log until the source's disk is full",
      server.neon ? "watch walbridge_slot_retained_bytes"
                  : "ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf()");
  if (!server.idle_timeout.empty() && server.idle_timeout != "0") {
    findings.add(Severity::Warning, "slot-idle-timeout",
                 "the server drops slots that are idle for " + server.idle_timeout,
                 "ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf()");
  }
}

void judge_slot(const SlotStatus& status, const config::Source& source, const Server& server, Findings& findings) {
  if (const auto problem = slot_problem(status, source.slot, server.database)) {
    findings.add(Severity::Error, problem->code, problem->message, problem->remedy);
  } else if (status.active) {
    findings.add(Severity::Warning, "slot",
                 "slot " + source.slot + " is in use by pid " + std::to_string(status.active_pid),
                 "fine if that is a running walbridge; else stop it");
  } else {
    findings.add(Severity::Ok, "slot",
                 status.exists ? "slot " + source.slot + " is ready" : "slot " + source.slot + " will be created");
  }
}

void judge_publication(const PublicationState& state, const config::Source& source, const Server& server,
                       std::span<const PublishedTable> tables, Findings& findings) {
  const auto& name = source.publication;
  if (source.create_publication && !state.exists) {
    findings.judge(server.may_create, Severity::Error, "publication", "publication " + name + " will be created",
                   "role " + server.user + " may not create publication " + name + " in database " + server.database,
                   "GRANT CREATE ON DATABASE " + quote_name(server.database) + " TO " + quote_name(server.user));
    return;
  }
  if (source.create_publication && state.ours && !state.all_tables) {
    findings.add(Severity::Ok, "publication", "publication " + name + " is ours and follows the plan");
    return;
  }
  std::string fix;
  const auto problem = publication_problem(state, name, tables, fix);
  if (problem.empty() && state.all_tables) {
    findings.add(Severity::Warning, "publication-all-tables",
                 "publication " + name +
                     " is FOR ALL TABLES: tables outside the plan are streamed too, and those without "
                     "a key cannot be updated at the source",
                 "DROP PUBLICATION " + quote_name(name) + " and let walbridge create its own");
  }
  findings.judge(problem.empty(), Severity::Error, "publication",
                 "publication " + name + " holds every table of the plan", problem, fix);
}

void judge_tls(const config::Source& source, Findings& findings) {
  const auto url = parse_source_url(source.url);
  if (!url || url->local()) return;
  const bool verified = url->ssl_mode == "verify-full" || (url->ssl_mode.empty() && url->ssl_root_cert == "system");
  findings.judge(verified, Severity::Warning, "tls", "the server's certificate is verified",
                 "sslmode is " + (url->ssl_mode.empty() ? std::string("not set") : url->ssl_mode) +
                     ": nobody checks that the server is the right one",
                 "add sslmode=verify-full&sslrootcert=system (or a CA file) to source.url");
}

}  // namespace

Finding finding_of(const Error& error) { return {Severity::Error, error.code, "source", error.message, error.remedy}; }

std::vector<Finding> preflight_server(Connection& connection, const config::Source& source,
                                      std::span<const PublishedTable> tables) {
  std::vector<Finding> result;
  Findings findings(result);
  const auto server = read_server(connection);
  if (!server) return {finding_of(server.error())};
  judge_readiness(*server, connection.server_version(), findings);
  judge_tls(source, findings);
  if (server->standby) return result;  // what follows asks for positions that only a primary has

  const auto slot = read_slot(connection, source.slot);
  if (!slot) {
    result.push_back(finding_of(slot.error()));
  } else {
    judge_capacity(*server, slot->exists, findings);
    judge_slot(*slot, source, *server, findings);
  }
  const auto publication = read_publication(connection, source.publication);
  if (!publication) {
    result.push_back(finding_of(publication.error()));
  } else {
    judge_publication(*publication, source, *server, tables, findings);
  }
  result.push_back(capture_finding(connection, source));
  const auto writers = describe_open_writers(connection, kLongTransactionSeconds);
  if (!writers) {
    result.push_back(finding_of(writers.error()));
  } else if (!writers->empty()) {
    findings.add(Severity::Warning, "open-transactions", "a new slot waits for these transactions: " + *writers,
                 "end them, or wait");
  }
  return result;
}

}  // namespace walbridge::source_pg
