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
  if (!control_.sealed()) {
    WALBRIDGE_TRY_AS(const auto schema, read_schema(connection_));
    control_.start(stored_, stored_.source_id, stored_.checkpoint);
    auto& batch = control_.batch();
    auto& purposes = control_.purposes();
    for (const auto& object : schema) {
      if (object.type != "table" || !is_load_table(stream_, object.name)) continue;
      write_control(batch, purposes, Kind::Schema, "DROP TABLE " + quote_identifier(object.name));
    }
    tables_.clear();
    for (const auto* table : tables) {
      const auto hidden = load_table_name(stream_, table->source_oid);
      write_ownership_check(batch, purposes, stream_, *table);
      batch.step(create_table_sql(*table, hidden));
      purposes.push_back({Kind::Schema, table->name});
      tables_.emplace(table->source_oid,
                      Table{table, hidden, RemoteTransaction(connection_, stream_), 0, 0, {}, false});
    }
    control_.seal();
  }
  return send(control_, kSwapTime);
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
  if (!control_.sealed()) WALBRIDGE_TRY(build_swap(records, source_id, checkpoint));
  WALBRIDGE_FAILPOINT("remote-load-before-swap");
  WALBRIDGE_TRY(control_.send(stored_, kSwapTime));
  WALBRIDGE_FAILPOINT("remote-load-after-swap");
  tables_.clear();
  return {};
}

Status RemoteLoad::build_swap(std::span<const TableRecord> records, const std::string& source_id,
                              const Checkpoint& checkpoint) {
  WALBRIDGE_TRY_AS(const auto schema, read_schema(connection_));
  std::vector<std::string> names;
  for (const auto& [oid, table] : tables_) names.push_back(table.table->name);
  control_.start(stored_, source_id, checkpoint);
  auto& batch = control_.batch();
  auto& purposes = control_.purposes();
  // RENAME checks every view, and those over a replaced table would not hold; sqld refuses legacy_alter_table.
  const auto is_foreign_view = [](const SchemaObject& object) {
    return object.type == "view" && !object.name.starts_with("_walbridge_");
  };
  for (const auto& object : schema) {
    if (is_foreign_view(object))
      write_control(batch, purposes, Kind::Schema, "DROP VIEW " + quote_identifier(object.name));
  }
  for (const auto& record : records) {
    if (record.replaces.empty()) continue;
    write_control(batch, purposes, Kind::Schema, "DROP TABLE IF EXISTS " + quote_identifier(record.replaces));
  }
  for (const auto& [oid, table] : tables_) {
    if (is_live(records, oid)) {
      write_swap(table);
    } else {
      batch.step("DROP TABLE " + quote_identifier(table.hidden_name));
      purposes.push_back({Kind::Schema, table.table->name});
    }
  }
  for (const auto& object : schema) {
    if (is_foreign_view(object)) write_control(batch, purposes, Kind::Schema, object.sql);
  }
  std::vector<std::string> given;
  for (const auto& [oid, table] : tables_) {
    if (!is_live(records, oid)) continue;
    for (CacheIndex index : table.table->indexes) {
      index.name = free_index_name(schema, names, given, *table.table, index);
      given.push_back(index.name);
      batch.step(create_index_sql(*table.table, index));
      purposes.push_back({Kind::Schema, table.table->name});
    }
  }
  for (const auto& record : records) write_record(batch, purposes, stream_, record);
  control_.seal();
  return {};
}

void RemoteLoad::write_swap(const Table& table) {
  auto& batch = control_.batch();
  auto& purposes = control_.purposes();
  const auto name = quote_identifier(table.table->name);
  write_ownership_check(batch, purposes, stream_, *table.table);
  batch.step("DROP TABLE IF EXISTS " + name);
  purposes.push_back({Kind::Schema, table.table->name});
  batch.step("ALTER TABLE " + quote_identifier(table.hidden_name) + " RENAME TO " + name);
  purposes.push_back({Kind::Schema, table.table->name});
  batch.begin_step(kForgetNamesakes);
  batch.text(stream_);
  batch.text(table.table->name);
  batch.integer(table.table->source_oid);
  batch.end_step();
  purposes.push_back({Kind::Control, {}});
}

}  // namespace walbridge::sink_libsql
