// Schema steps on their way into a transaction of a remote cache. The schema is read before the transaction is built,
// and the transaction fails when it has changed since; what the cache refuses of a user's own is left out the next
// time. One thread.
#pragma once

#include <span>
#include <string>

#include "pipeline/api/result.h"
#include "pipeline/api/schema_step.h"
#include "sink-libsql/alter_plan.h"
#include "sink-libsql/hrana_connection.h"
#include "sink-libsql/remote_catalog.h"
#include "sink-libsql/remote_transaction.h"

namespace walbridge::sink_libsql {

class RemoteAlter {
 public:
  RemoteAlter(HranaConnection& connection, std::string stream) : connection_(connection), stream_(std::move(stream)) {}

  // Reads the schema. Before each transaction that is to hold steps.
  Status prepare();
  CacheCatalog& catalog() { return schema_.catalog; }
  // Once per transaction, before the first write().
  void write_check(RemoteTransaction& transaction) const;
  Status write(RemoteTransaction& transaction, std::span<const SchemaStep> steps);

  // After the transaction failed with `error`: whether building it again can end better.
  bool learn(const RemoteTransaction& failed, const Error& error);
  // It committed.
  void done();
  void clear();

 private:
  HranaConnection& connection_;
  std::string stream_;
  RemoteSchema schema_;  // follows the steps
  CacheCatalog before_;
  AlterLessons lessons_;
  int moved_ = 0;
};

}  // namespace walbridge::sink_libsql
