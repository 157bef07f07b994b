#include "source-pg/lock_holders.h"

#include "source-pg/oid_array.h"

namespace walbridge::source_pg {
namespace {

constexpr std::size_t kNamesInMessage = 5;

// A prepared transaction has no pid; its xid lock leads to its name. What others run is hidden from an ordinary role:
// then the pid alone is said.
constexpr const char* kHolders = R"(
SELECT l.virtualtransaction,
       CASE WHEN l.pid IS NULL
            THEN 'prepared transaction' || coalesce(' ' || pg_catalog.quote_literal(pg_catalog.min(p.gid)), '')
            ELSE 'pid ' || l.pid END,
       coalesce(pg_catalog.min(a.application_name), ''),
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
                            - coalesce(pg_catalog.min(p.prepared), pg_catalog.min(a.xact_start)))::pg_catalog.int8
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_catalog.pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.virtualtransaction = l.virtualtransaction
  AND x.locktype = 'transactionid'
LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY($1::pg_catalog.oid[])
  AND l.mode = ANY($2::pg_catalog.text[]) AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
GROUP BY l.virtualtransaction, l.pid
ORDER BY coalesce(pg_catalog.min(p.prepared), pg_catalog.min(a.xact_start)))";

}  // namespace

Result<std::vector<LockHolder>> lock_holders(Connection& connection, const std::vector<std::uint32_t>& relations,
                                             const char* modes) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kHolders, {oid_array(relations), modes}, "reading locks"));
  std::vector<LockHolder> holders;
  for (int row = 0; row < rows.size(); ++row) {
    auto about = rows.string(row, 2);
    if (!rows.is_null(row, 3)) about += (about.empty() ? "open for " : ", open for ") + rows.string(row, 3) + " s";
    holders.push_back({rows.string(row, 0), rows.string(row, 1) + (about.empty() ? "" : " (" + about + ")")});
  }
  return holders;
}

std::string names_of(const std::vector<LockHolder>& holders) {
  std::string names;
  for (std::size_t i = 0; i < holders.size() && i < kNamesInMessage; ++i)
    names += (i == 0 ? "" : ", ") + holders[i].who;
  if (holders.size() > kNamesInMessage) names += " and " + std::to_string(holders.size() - kNamesInMessage) + " more";
  return names;
}

}  // namespace walbridge::source_pg
