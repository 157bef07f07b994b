#include "sink-libsql/remote_transaction.h"

#include "sink-libsql/remote_error.h"
#include "sink-libsql/remote_state.h"

namespace walbridge::sink_libsql {

using Kind = StepPurpose::Kind;

void RemoteTransaction::start() {
  drop();
  write_control(batch_, purposes_, Kind::Begin, "BEGIN IMMEDIATE");
}

void RemoteTransaction::start(const StoredCheckpoint& before, const std::string& source_id, const Checkpoint& wanted) {
  start();
  expect(before, source_id, wanted);
  write_guard(batch_, purposes_, stream_, before, source_id, wanted);
}

void RemoteTransaction::expect(const StoredCheckpoint& before, const std::string& source_id, const Checkpoint& wanted) {
  before_ = before;
  after_ = {source_id, before.epoch, before.guard + 1, wanted};
}

void RemoteTransaction::seal() {
  commit_step_ = write_end(batch_, purposes_, stream_);
  sealed_ = true;
}

void RemoteTransaction::seal(const StoredCheckpoint& before, const std::string& source_id, const Checkpoint& wanted) {
  expect(before, source_id, wanted);
  write_guard(batch_, purposes_, stream_, before, source_id, wanted);
  seal();
}

Status RemoteTransaction::send(StoredCheckpoint& stored, std::chrono::milliseconds at_most) {
  refusal_.reset();
  WALBRIDGE_TRY_AS(const auto reply, connection_.run(batch_, HranaConnection::Work::Write, at_most));
  WALBRIDGE_TRY(settle(reply));
  stored = after_;
  drop();
  return {};
}

Status RemoteTransaction::settle(const HranaReply& reply) {
  const auto& cache = connection_.cache();
  const auto failed = first_step_error(cache, reply, purposes_);
  if (reply.request_error) return *failed;
  if (reply.steps[commit_step_].state == HranaStep::State::Ok) return {};
  const auto& final_read = reply.steps.back();
  if (final_read.state == HranaStep::State::Failed) {
    if (final_read.error.message.find("no such table") != std::string::npos) {
      return replaced_error(cache, "it has no checkpoint table");
    }
    return *failed;  // sqld ends every step of a transaction that took too long, this one included
  }
  WALBRIDGE_TRY_AS(const auto now, checkpoint_from(final_read));
  switch (settle_commit(before_, after_.checkpoint, now)) {
    case CommitOutcome::Applied:
      return {};
    case CommitOutcome::Fenced:
      return fenced_error(cache);
    case CommitOutcome::Replaced:
      return replaced_error(cache, "its checkpoint is not the one written last");
    case CommitOutcome::NotApplied:
      break;
  }
  remember_refusal(reply);
  if (failed) return *failed;
  return Error{Verdict::Retry, "bad-reply", "cache " + cache + " did not commit and did not say why", ""};
}

void RemoteTransaction::remember_refusal(const HranaReply& reply) {
  for (std::size_t i = 0; i < reply.steps.size() && i < purposes_.size(); ++i) {
    if (purposes_[i].kind == Kind::Rollback || reply.steps[i].state != HranaStep::State::Failed) continue;
    refusal_ = {purposes_[i], reply.steps[i].error.message};
    return;
  }
}

void RemoteTransaction::drop() {
  refusal_.reset();
  batch_.clear();
  purposes_.clear();
  sealed_ = false;
}

}  // namespace walbridge::sink_libsql
