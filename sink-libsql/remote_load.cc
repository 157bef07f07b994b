#include "sink-libsql/remote_load.h"

#include <algorithm>

#include "pipeline/api/cache_sql.h"
#include "pipeline/api/failpoint.h"
#include "sink-libsql/remote_catalog.h"
#include "sink-libsql/remote_sql.h"
#include "sink-libsql/remote_state.h"

namespace walbridge::sink_libsql {
namespace {

using Kind = StepPurpose::Kind;

constexpr std::size_t kRowsPerRequest = 20'000;
constexpr std::size_t kBytesPerRequest = 4U << 20;
constexpr std::size_t kBytesHeld = 8U << 20;  // of all tables' unsent requests
// A load is long and its caller starts over when it fails, so a lost answer is asked for again at once.
constexpr int kAttempts = 3;
// Indexes are made in the swap, in one request that the server would abandon if we hung up.
constexpr std::chrono::milliseconds kSwapTime{600'000};

constexpr const char* kForgetNamesakes =
    "DELETE FROM _walbridge_tables WHERE stream = ?1 AND lower(cache_name) = lower(?2) AND source_oid <> ?3";

}  // namespace

Status RemoteLoad::send(RemoteTransaction& transaction, std::chrono::milliseconds at_most) {
  for (int attempt = 1;; ++attempt) {
    auto sent = transaction.send(stored_, at_most);
    if (sent || sent.error().verdict != Verdict::Retry || attempt == kAttempts) return sent;
  }
}

Status RemoteLoad::begin(std::span<const CacheTable* const> tables) {
  for (;;) {
    if (!control_.sealed()) WALBRIDGE_TRY(build_begin(tables));
    auto sent = send(control_, kSwapTime);
    if (sent) return sent;
    // A table that the cache refuses stays out; whoever loads it hears of it.
    const auto refusal = control_.refusal();
    if (!refusal || refusal->purpose.kind != Kind::Alter || sent.error().verdict != Verdict::PoisonRow) return sent;
    control_.drop();
    for (auto& [oid, table] : tables_) {
      if (table.table->name == refusal->purpose.table) table.poison = sent.error();
    }
  }
}

Status RemoteLoad::build_begin(std::span<const CacheTable* const> tables) {
  WALBRIDGE_TRY_AS(const auto schema, read_schema(connection_, stream_));
  control_.start(stored_, stored_.source_id, stored_.checkpoint);
  auto& batch = control_.batch();
  auto& purposes = control_.purposes();
  for (const auto& object : schema.catalog.objects()) {
    if (object.type != "table" || !is_load_table(stream_, object.name)) continue;
    write_control(batch, purposes, Kind::Schema, "DROP TABLE " + quote_identifier(object.name));
  }
  for (const auto* table : tables) {
    const auto hidden = load_table_name(stream_, table->source_oid);
    const auto& known = tables_
                            .try_emplace(table->source_oid,
                                         Table{table, hidden, RemoteTransaction(connection_, stream_), 0, 0, {}, false})
                            .first->second;
    if (known.poison) continue;
    write_ownership_check(batch, purposes, stream_, *table);
    batch.step(create_table_sql(*table, hidden));
    purposes.push_back({Kind::Alter, table->name});
    if (table->computed.empty()) continue;
    // Only who reads it finds a computed column that needs itself.
    batch.step("SELECT * FROM " + quote_identifier(hidden) + " LIMIT 0");
    purposes.push_back({Kind::Alter, table->name});
  }
  control_.seal();
  return {};
}

Status RemoteLoad::load(const LoadBlock& block) {
  const auto found = block.table == nullptr ? tables_.end() : tables_.find(block.table->source_oid);
  if (found == tables_.end() || block.values.size() != block.rows * found->second.table->columns.size()) {
    return Error{Verdict::Operator, "call-order", "rows that belong to no table of the load", "report this defect"};
  }
  auto& table = found->second;
  if (!table.poison) {
    auto filled = fill(table, block);
    if (!filled && filled.error().verdict != Verdict::PoisonRow) return filled;
    if (!filled) table.poison = std::move(filled.error());
  }
  table.resume_row = 0;
  if (!table.poison) return {};
  table.rows.drop();
  table.poison_told = true;
  return *table.poison;
}

Status RemoteLoad::fill(Table& table, const LoadBlock& block) {
  const auto& columns = table.table->columns;
  if (table.rows.sealed()) WALBRIDGE_TRY(flush(table));
  while (table.resume_row < block.rows) {
    if (!table.rows.started()) table.rows.start();
    {
      JsonRowsWriter json(table.rows.batch(), table.rows.purposes(), *table.table,
                          remote_sql::insert_rows(*table.table, table.hidden_name, remote_sql::Carrier::JsonRows),
                          false);
      for (; table.resume_row < block.rows && table.row_count < kRowsPerRequest &&
             table.rows.batch().bytes() < kBytesPerRequest;
           ++table.resume_row, ++table.row_count) {
        const auto row = std::span(block.values).subspan(table.resume_row * columns.size(), columns.size());
        WALBRIDGE_TRY(check_row(*table.table, row));
        if (needs_typed(*table.table, row)) {
          json.finish();
          write_typed(table.rows.batch(), table.rows.purposes(), *table.table,
                      remote_sql::insert_rows(*table.table, table.hidden_name, remote_sql::Carrier::Typed), row, {},
                      false);
          continue;
        }
        json.begin_row();
        for (std::size_t i = 0; i < columns.size(); ++i) json.value(columns[i], row[i]);
        json.end_row();
      }
    }
    if (table.row_count >= kRowsPerRequest || table.rows.batch().bytes() >= kBytesPerRequest) {
      WALBRIDGE_TRY(flush(table));
    }
  }
  return make_room(table);
}

Status RemoteLoad::flush(Table& table) {
  if (!table.rows.sealed()) table.rows.seal(stored_, stored_.source_id, stored_.checkpoint);
  WALBRIDGE_TRY(send(table.rows, HranaConnection::kRequestTime));
  table.row_count = 0;
  return {};
}

// Tables that are done or pause may not keep their last rows here for ever.
Status RemoteLoad::make_room(const Table& current) {
  for (;;) {
    std::size_t held = 0;
    Table* largest = nullptr;
    for (auto& [oid, table] : tables_) {
      if (!table.rows.started()) continue;
      held += table.rows.batch().bytes();
      if (largest == nullptr || table.rows.batch().bytes() > largest->rows.batch().bytes()) largest = &table;
    }
    if (held <= kBytesHeld || largest == nullptr) return {};
    auto flushed = flush(*largest);
    if (flushed) continue;
    if (largest == &current || flushed.error().verdict != Verdict::PoisonRow) return flushed;
    largest->poison = std::move(flushed.error());
    largest->rows.drop();
  }
}

Status RemoteLoad::finish(std::span<const TableRecord> records, const std::string& source_id,
                          const Checkpoint& checkpoint) {
  for (auto& [oid, table] : tables_) {
    if (!table.poison && table.rows.started()) {
      auto flushed = flush(table);
      if (!flushed && flushed.error().verdict != Verdict::PoisonRow) return flushed;
      if (!flushed) table.poison = std::move(flushed.error());
    }
    if (!table.poison) continue;
    table.rows.drop();
    if (!std::exchange(table.poison_told, true)) return *table.poison;
  }
  WALBRIDGE_TRY(send_swap(records, source_id, checkpoint));
  tables_.clear();
  return {};
}

Status RemoteLoad::send_swap(std::span<const TableRecord> records, const std::string& source_id,
                             const Checkpoint& checkpoint) {
  for (;;) {
    if (!control_.sealed()) WALBRIDGE_TRY(build_swap(records, source_id, checkpoint));
    WALBRIDGE_FAILPOINT("remote-load-before-swap");
    auto sent = control_.send(stored_, kSwapTime);
    if (sent) break;
    const bool again = alter_.learn(control_, sent.error());
    // Built anew, with the records that the next call brings.
    if (again || sent.error().verdict == Verdict::PoisonRow || sent.error().code == "schema-moved") control_.drop();
    if (!again) return sent;
  }
  WALBRIDGE_FAILPOINT("remote-load-after-swap");
  alter_.done();
  return {};
}

Status RemoteLoad::build_swap(std::span<const TableRecord> records, const std::string& source_id,
                              const Checkpoint& checkpoint) {
  WALBRIDGE_TRY(alter_.prepare());
  std::vector<SchemaStep> steps;
  for (const auto& [oid, table] : tables_) {
    if (!is_live(records, oid)) {
      steps.push_back(drop_table_step(table.hidden_name));
      continue;
    }
    steps.push_back(drop_table_step(table.table->name));
    steps.push_back(rename_table_step(table.hidden_name, table.table->name));
    for (const auto& index : table.table->indexes) steps.push_back(create_index_step(*table.table, index));
  }
  control_.start(stored_, source_id, checkpoint);
  auto& batch = control_.batch();
  auto& purposes = control_.purposes();
  alter_.write_check(control_);
  if (auto written = alter_.write(control_, steps); !written) {
    control_.drop();
    return written;
  }
  for (const auto& [oid, table] : tables_) {
    if (!is_live(records, oid)) continue;
    batch.begin_step(kForgetNamesakes);
    batch.text(stream_);
    batch.text(table.table->name);
    batch.integer(table.table->source_oid);
    batch.end_step();
    purposes.push_back({Kind::Control, {}});
  }
  for (const auto& record : records) write_record(batch, purposes, stream_, record);
  control_.seal();
  return {};
}

}  // namespace walbridge::sink_libsql
