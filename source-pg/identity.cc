#include "source-pg/identity.h"

namespace walbridge::source_pg {
namespace {

// The current timeline is in the name of the current log file; pg_control_checkpoint() lags behind a promotion.
constexpr const char* kIdentity =
    "SELECT c.system_identifier, "
    "('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, "
    "8))::pg_catalog.bit(32)::pg_catalog.int4, "
    "pg_catalog.current_setting('neon.timeline_id', true), pg_catalog.current_database() "
    "FROM pg_catalog.pg_control_system() c";

}  // namespace

Result<std::string> read_identity(Connection& connection, const std::string& slot) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query(kIdentity, "reading the source's identity"));
  std::string identity = rows.string(0, 0) + "/" + rows.string(0, 1);
  if (!rows.text(0, 2).empty()) identity += ":" + rows.string(0, 2);
  return identity + "/" + rows.string(0, 3) + "/" + slot;
}

}  // namespace walbridge::source_pg
