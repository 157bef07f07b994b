#include "sink-libsql/remote_alter.h"

namespace walbridge::sink_libsql {
namespace {

using Kind = StepPurpose::Kind;

constexpr int kMovesAtOnce = 3;  // of the schema under our hands, before the caller waits

}  // namespace

Status RemoteAlter::prepare() {
  WALBRIDGE_TRY_AS(schema_, read_schema(connection_, stream_));
  before_ = schema_.catalog;
  return {};
}

void RemoteAlter::write_check(RemoteTransaction& transaction) const {
  write_schema_check(transaction.batch(), transaction.purposes(), schema_.fingerprint);
}

Status RemoteAlter::write(RemoteTransaction& transaction, std::span<const SchemaStep> steps) {
  WALBRIDGE_TRY_AS(const auto statements, AlterPlan(schema_.catalog, lessons_).statements(steps));
  for (const auto& statement : statements) {
    transaction.batch().step(statement.sql);
    transaction.purposes().push_back({Kind::Alter, statement.table, statement.object});
  }
  return {};
}

bool RemoteAlter::learn(const RemoteTransaction& failed, const Error& error) {
  const auto& refusal = failed.refusal();
  if (!refusal) return false;
  if (refusal->purpose.kind == Kind::SchemaCheck) return ++moved_ < kMovesAtOnce;
  if (refusal->purpose.kind != Kind::Alter || error.verdict != Verdict::PoisonRow) return false;
  return lessons_.learn({{}, refusal->purpose.table, refusal->purpose.object}, refusal->message, before_);
}

void RemoteAlter::done() {
  lessons_.tell(connection_.cache());
  clear();
}

void RemoteAlter::clear() {
  lessons_.clear();
  moved_ = 0;
}

}  // namespace walbridge::sink_libsql
