// Makes our publications hold what the plan wants, all of it in one transaction or nothing, under a short lock_timeout:
// the lock that adding a table takes stops no reader and no writer of rows, but it queues behind DDL and VACUUM. Never
// publishes a table whose updates would then fail at the source. One thread.
#pragma once

#include <span>

#include "config/config.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// Exactly these tables, each with its filter; creates both publications. One that is not ours is only compared.
// Retry "55P03" names the transactions in the way.
Status ensure_publication(Connection& connection, const config::Source& source, std::span<const PublishedTable> tables);

// Adds what is not published yet of one table and leaves the rest alone. True: something was added.
Result<bool> publish_table(Connection& connection, const config::Source& source, const PublishedTable& table);

}  // namespace walbridge::source_pg
