#include "source-pg/start_replication.h"

#include <charconv>

#include <fmt/format.h>

#include "source-pg/pg_error.h"
#include "source-pg/publication.h"

namespace walbridge::source_pg {
namespace {

// The replication grammar knows no escape but the doubled quote, so libpq's E'' form is of no use to it.
std::string replication_literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + "'";
}

constexpr const char* kResync = "run `walbridge destroy --caches`, then `walbridge run` to copy everything again";

Status check_log_end(Connection& connection, Lsn from) {
  WALBRIDGE_TRY_AS(const Rows system, connection.query("IDENTIFY_SYSTEM", "identifying the source"));
  const int column = system.find("xlogpos");
  const auto end = system.size() == 1 && column >= 0 ? parse_lsn(system.text(0, column)) : std::nullopt;
  if (!end)
    return Error{Verdict::Operator, "identify-system", "the server does not tell the end of its log",
                 "connect to Postgres itself, without a proxy in between"};
  if (*end >= from) return {};
  return Error{Verdict::Gap, "future-lsn",
               fmt::format("the caches are at {}, but the source's log ends at {}", to_string(from), to_string(*end)),
               "the source was restored or is another one: check source.url, then run `walbridge destroy --caches`, "
               "then `walbridge run` to copy everything again"};
}

Status check_slot(const Rows& slots, const std::string& slot, Lsn from) {
  if (slots.size() == 0) {
    return Error{Verdict::Gap, "42704", fmt::format("replication slot \"{}\" does not exist", slot), kResync};
  }
  if (slots.text(0, 0) != "pgoutput") {
    return Error{Verdict::Operator, "slot-plugin", fmt::format("replication slot \"{}\" is not of pgoutput", slot),
                 "set another name in source.slot"};
  }
  if (!slots.flag(0, 1)) {
    return Error{Verdict::Operator, "slot-database",
                 fmt::format("replication slot \"{}\" belongs to another database of the server", slot),
                 "correct the database in source.url, or set another name in source.slot"};
  }
  if (slots.text(0, 3) == "lost") {
    return Error{Verdict::Gap, "slot-lost", fmt::format("the server has invalidated replication slot \"{}\"", slot),
                 kResync};
  }
  const auto confirmed = parse_lsn(slots.text(0, 2));
  if (!confirmed || *confirmed <= from) return {};
  return Error{Verdict::Gap, "slot-ahead",
               fmt::format("the caches are at {}, but replication slot \"{}\" has been confirmed up to {}",
                           to_string(from), slot, to_string(*confirmed)),
               kResync};
}

// A list of SQL identifiers: the publication, and the one for tables in append mode where there is one.
Result<std::string> publication_names(Connection& connection, const std::string& publication) {
  const auto append = append_publication_name(publication);
  WALBRIDGE_TRY_AS(const Rows rows, connection.query("SELECT FROM pg_catalog.pg_publication WHERE pubname = " +
                                                         connection.quote_literal(append),
                                                     "reading publication " + append));
  return quote_name(publication) + (rows.size() == 0 ? "" : "," + quote_name(append));
}

}  // namespace

Status check_position(Connection& connection, const std::string& slot, Lsn from) {
  WALBRIDGE_TRY(check_log_end(connection, from));
  WALBRIDGE_TRY_AS(const Rows slots,
                   connection.query("SELECT plugin, database = pg_catalog.current_database(), confirmed_flush_lsn, "
                                    "wal_status FROM pg_catalog.pg_replication_slots WHERE slot_name = " +
                                        connection.quote_literal(slot),
                                    "reading the replication slot"));
  return check_slot(slots, slot, from);
}

Result<std::chrono::milliseconds> set_sender_timeout(Connection& connection, std::chrono::milliseconds wanted) {
  const std::string set = fmt::format("SET wal_sender_timeout = '{}ms'", wanted.count());
  if (Status outcome = connection.execute(set); !outcome && !connection.healthy()) return std::move(outcome.error());
  WALBRIDGE_TRY_AS(const Rows rows,
                   connection.query("SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'",
                                    "reading wal_sender_timeout"));
  return std::chrono::milliseconds(rows.size() == 1 ? rows.integer(0, 0) : 0);
}

Status start_replication(Connection& connection, const config::Source& source, Lsn from) {
  WALBRIDGE_TRY_AS(const std::string publications, publication_names(connection, source.publication));
  const std::string command =
      fmt::format("START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {}, messages 'true')",
                  quote_name(source.slot), to_string(from), replication_literal(publications));
  const Rows outcome(PQexec(connection.raw(), command.c_str()));
  if (PQresultStatus(outcome.raw()) == PGRES_COPY_BOTH) return {};
  const std::string doing = fmt::format("starting the stream from slot \"{}\"", source.slot);
  return outcome.raw() == nullptr ? error_from(connection.raw(), doing) : error_from(outcome.raw(), doing);
}

}  // namespace walbridge::source_pg
