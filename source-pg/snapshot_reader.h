// One connection inside the exported snapshot: REPEATABLE READ, READ ONLY, row security off so that a policy fails the
// copy instead of thinning it. The locks it takes (ACCESS SHARE) last until it is destroyed, which keeps VACUUM FULL
// and rewrites from moving rows between the parts of a table. One thread.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "pipeline/api/source.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

class TransactionReader final : public SnapshotReader {
 public:
  static Result<std::unique_ptr<SnapshotReader>> open(const config::Source& source, const std::string& snapshot);

  Result<std::unique_ptr<CopyStream>> copy(const CopyPart& part, std::span<const std::string> columns) override;
  Result<Relation> describe(std::uint32_t oid, const std::string& schema, const std::string& name) override;

 private:
  TransactionReader(config::Source source, Connection connection)
      : source_(std::move(source)), connection_(std::make_shared<Connection>(std::move(connection))) {}
  Status hold(std::uint32_t oid, const std::string& schema, const std::string& name);
  Result<Connection*> catalog();

  config::Source source_;
  std::shared_ptr<Connection> connection_;
  Connection catalog_;  // outside the snapshot: the catalog as the executor sees it
};

// Begins a transaction inside the snapshot.
std::string join_snapshot_sql(const Connection& connection, const std::string& snapshot);

// "COPY (SELECT …) TO STDOUT" for one part.
std::string copy_sql(const CopyPart& part, std::span<const std::string> columns);

}  // namespace walbridge::source_pg
