#include "source-pg/announcement.h"

#include <vector>

#include <fmt/format.h>

#include "pipeline/api/source_json.h"
#include "source-pg/catalog.h"
#include "source-pg/describe_sql.h"
#include "source-pg/oid_array.h"
#include "source-pg/schema_message.h"

namespace walbridge::source_pg {
namespace {

constexpr const char* kDoing = "announcing a table";
constexpr int kTries = 5;  // while the table is changed or renamed between two looks at it
constexpr std::string_view kAsked = "SELECT u.o AS oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS u(o)";

// Without the right to read a table its lock is out of reach too; then it is described as it is found.
constexpr const char* kLook =
    "SELECT t.oid, t.d::text, t.rows, t.d->>'kind', t.d->>'schema', t.d->>'name', "
    "pg_catalog.has_table_privilege(t.oid, 'SELECT') FROM (";

struct Found {
  std::uint32_t oid = 0;
  std::string description;  // as Postgres writes it
  std::string rows;
  std::string lock;  // a statement; empty: not possible
};

// Rolls back whatever happens.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (open_) static_cast<void>(connection_.execute("ROLLBACK"));
  }
  Status open() {
    WALBRIDGE_TRY(
        connection_.execute(std::string("BEGIN; SET LOCAL lock_timeout = '500ms'; ") + kDescribeSettings, kDoing));
    open_ = true;
    return Done{};
  }
  Status commit() {
    WALBRIDGE_TRY(connection_.execute("COMMIT", kDoing));
    open_ = false;
    return Done{};
  }

 private:
  Connection& connection_;
  bool open_ = false;
};

Result<std::optional<Found>> look_at(Connection& connection, std::uint32_t oid) {
  auto rows = connection.query(kLook + describe_sql(kAsked) + ") t", {oid_array({&oid, 1})}, kDoing);
  if (!rows) return catalog_error(std::move(rows.error()));
  if (rows->size() == 0) return std::optional<Found>();
  Found found{static_cast<std::uint32_t>(rows->integer(0, 0)), rows->string(0, 1), rows->string(0, 2), ""};
  if (rows->flag(0, 6)) {
    // The partitions of a table are part of it, inheritance children are tables of their own.
    found.lock = std::string("LOCK TABLE ") + (rows->text(0, 3) == "p" ? "" : "ONLY ") +
                 quote_name(rows->string(0, 4), rows->string(0, 5)) + " IN ACCESS SHARE MODE";
  }
  return std::optional(std::move(found));
}

Status emit(Connection& connection, const std::string& token, const std::string& content) {
  WALBRIDGE_TRY(
      connection.query("SELECT pg_catalog.pg_logical_emit_message(true, $1, pg_catalog.convert_to($2, 'UTF8')), "
                       "pg_catalog.pg_logical_emit_message(true, $3, ''::pg_catalog.text)",
                       {schema_message_prefix(token), content, std::string(kPadPrefix)}, kDoing));
  return Done{};
}

std::string numbers(std::span<const std::uint32_t> oids) { return fmt::format("[{}]", fmt::join(oids, ",")); }

std::string content_of(const Found& found, std::uint32_t asked, bool copy) {
  std::string content = fmt::format(R"({{"v":1,"op":"ddl","tag":"{}","tables":[{{"d":{},"rows":{}}}])",
                                    kAnnouncedTag, found.description, found.rows);
  if (asked != found.oid) content += fmt::format(R"(,"gone":[{}])", asked);
  if (copy) content += fmt::format(R"(,"copy":[{}])", found.oid);
  return content + "}";
}

bool worth_another_look(const Error& error) {
  return error.code == "catalog-changed" || error.code == "42P01" || error.code == "3F000";
}

// One look, one lock, one message. None: the table was not there, or no longer the same under its lock.
Result<std::optional<Found>> announce_once(Connection& connection, const std::string& token, std::uint32_t oid,
                                           bool copy, bool& there) {
  Transaction transaction(connection);
  WALBRIDGE_TRY(transaction.open());
  WALBRIDGE_TRY_AS(auto found, look_at(connection, oid));
  there = found.has_value();
  if (!there) return std::optional<Found>();
  if (!found->lock.empty()) {
    WALBRIDGE_TRY(connection.execute(found->lock, kDoing));
    WALBRIDGE_TRY_AS(auto locked, look_at(connection, oid));
    if (!locked || locked->lock != found->lock || locked->oid != found->oid) return std::optional<Found>();
    found = std::move(locked);
  }
  WALBRIDGE_TRY(emit(connection, token, content_of(*found, oid, copy)));
  WALBRIDGE_TRY(transaction.commit());
  return found;
}

}  // namespace

Result<std::optional<Announced>> announce_table(Connection& connection, const std::string& token, std::uint32_t oid,
                                                bool copy) {
  for (int tries = 1;; ++tries) {
    bool there = true;
    auto said = announce_once(connection, token, oid, copy, there);
    if (!said && (!worth_another_look(said.error()) || tries == kTries)) return std::move(said.error());
    if (said && !there) {
      WALBRIDGE_TRY(announce_gone(connection, token, {&oid, 1}));
      return std::optional<Announced>();
    }
    if (!said || !*said) {
      if (tries == kTries)
        return Error{Verdict::Retry, "catalog-changed", "a table keeps changing while it is described", ""};
      continue;
    }
    // An index may come or go in spite of the lock. If it committed first, its own message is older than ours.
    WALBRIDGE_TRY_AS(const auto after, look_at(connection, (*said)->oid));
    if (tries < kTries && (!after || after->description != (*said)->description)) continue;
    WALBRIDGE_TRY_AS(auto table, source_table_from_json((*said)->description));
    return std::optional(Announced{table.oid, std::move(table.json)});
  }
}

Status announce_gone(Connection& connection, const std::string& token, std::span<const std::uint32_t> oids) {
  return emit(connection, token, fmt::format(R"({{"v":1,"op":"ddl","tag":"{}","gone":{}}})", kAnnouncedTag, numbers(oids)));
}

// The position is taken before: a copy may be done by the time anybody asks how far the log has come.
Result<Lsn> announce_copy(Connection& connection, const std::string& token, std::span<const std::uint32_t> oids) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query("SELECT pg_catalog.pg_current_wal_insert_lsn()", kDoing));
  WALBRIDGE_TRY(
      emit(connection, token, fmt::format(R"({{"v":1,"op":"copy","tag":"resync","copy":{}}})", numbers(oids))));
  return parse_lsn(rows.text(0, 0)).value_or(Lsn{});
}

}  // namespace walbridge::source_pg
