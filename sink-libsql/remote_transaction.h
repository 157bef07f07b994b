// One guarded transaction of a remote cache in one request. Invariant I1: it commits whole, moving the stored position
// from exactly the expected one, or not at all; after a lost answer the same request is sent again and the stored
// position tells which of the two it was. One thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "pipeline/api/result.h"
#include "sink-libsql/hrana_connection.h"
#include "sink-libsql/hrana_json.h"
#include "sink-libsql/hrana_rows.h"
#include "sink-libsql/system_tables.h"

namespace walbridge::sink_libsql {

class RemoteTransaction {
 public:
  RemoteTransaction(HranaConnection& connection, std::string stream)
      : connection_(connection), stream_(std::move(stream)) {}

  // BEGIN; then the caller adds steps to batch() and their purposes() and calls seal().
  void start();
  // The same with the guard in front, so that a transaction that cannot commit costs nothing.
  void start(const StoredCheckpoint& before, const std::string& source_id, const Checkpoint& wanted);
  HranaBatch& batch() { return batch_; }
  StepPurposes& purposes() { return purposes_; }

  // Complete: nothing may be added. The second form writes the guard now.
  void seal();
  void seal(const StoredCheckpoint& before, const std::string& source_id, const Checkpoint& wanted);

  bool started() const { return batch_.steps() > 0; }
  bool sealed() const { return sealed_; }

  // Retry: nothing is known; call it again. Success: `stored` is what the cache holds, and the object is empty.
  Status send(StoredCheckpoint& stored, std::chrono::milliseconds at_most = HranaConnection::kRequestTime);
  void drop();

  // The step that the cache refused, after a send() that failed and of which nothing is in the cache.
  struct Refusal {
    StepPurpose purpose;
    std::string message;
  };
  const std::optional<Refusal>& refusal() const { return refusal_; }

 private:
  void expect(const StoredCheckpoint& before, const std::string& source_id, const Checkpoint& wanted);
  Status settle(const HranaReply& reply);
  void remember_refusal(const HranaReply& reply);

  HranaConnection& connection_;
  std::string stream_;
  HranaBatch batch_;
  StepPurposes purposes_;
  std::size_t commit_step_ = 0;
  bool sealed_ = false;
  std::optional<Refusal> refusal_;
  StoredCheckpoint before_;
  StoredCheckpoint after_;
};

}  // namespace walbridge::sink_libsql
