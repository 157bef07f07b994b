#include "source-pg/backfill.h"

#include <algorithm>

#include "source-pg/application_name.h"
#include "source-pg/backfill_sql.h"
#include "source-pg/open.h"
#include "source-pg/publication.h"
#include "source-pg/publication_change.h"

namespace walbridge::source_pg {
namespace {

constexpr std::size_t kPieceBytes = 1U << 20;
constexpr std::size_t kFirstRows = 8;  // nothing is known about their width
constexpr std::size_t kMostRows = 8'192;
constexpr std::size_t kGrowth = 8;

// Shorter than deadlock_timeout: where the application's DDL waits for us and we for it, we are the one who gives up.
constexpr const char* kBegin =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off; SET LOCAL lock_timeout = '500ms'";

// The first rows of a key's order at once: never a sort of the whole table.
constexpr const char* kByIndex =
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off";

constexpr const char* kColumns =
    "SELECT a.attnum, a.attname, a.atttypid, a.atttypmod FROM pg_catalog.pg_attribute a "
    "WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

constexpr const char* kLeaves =
    "SELECT t.relid::pg_catalog.oid, c.relkind "
    "FROM pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass) t "
    "JOIN pg_catalog.pg_class c ON c.oid = t.relid WHERE t.isleaf";

Error relation_changed(const SourceTable& table, const std::string& how) {
  return Error{Verdict::Retry, "relation-changed",
               "copying " + table.qualified_name() + ": " + how + "; the stream has not told of it yet", ""};
}

// A name that means nothing any more: the stream will say what became of it.
Error as_change(Error error, const SourceTable& table) {
  if (error.code == "42P01" || error.code == "3F000") return relation_changed(table, "it was dropped or renamed");
  return error;
}

// The same while rows are read, whose query also names columns and types.
Error as_change_of_rows(Error error, const SourceTable& table) {
  if (error.code == "42703" || error.code == "42704") return relation_changed(table, "its columns have changed");
  return as_change(std::move(error), table);
}

std::vector<std::uint32_t> oids_of(const std::vector<Heap>& heaps) {
  std::vector<std::uint32_t> oids;
  for (const auto& heap : heaps) oids.push_back(heap.oid);
  return oids;
}

Status check_name(Connection& connection, const Heap& relation, const SourceTable& table) {
  WALBRIDGE_TRY_AS(const auto rows, connection.query("SELECT pg_catalog.to_regclass($1)::pg_catalog.oid",
                                                     {quote_name(relation.schema, relation.name)},
                                                     "describing " + table.qualified_name()));
  if (static_cast<std::uint32_t>(rows.integer(0, 0)) == relation.oid) return Done{};
  return relation_changed(table, relation.qualified_name() + " is another table now");
}

Status check_leaves(Connection& connection, const SourceTable& table) {
  WALBRIDGE_TRY_AS(const auto rows,
                   connection.query(kLeaves, {std::to_string(table.oid)}, "describing " + table.qualified_name()));
  std::unordered_set<std::uint32_t> known;
  for (const auto& leaf : table.leaves) known.insert(leaf.oid);
  std::size_t both = 0;
  bool same = true;
  for (int row = 0; row < rows.size(); ++row) {
    const bool knows = known.contains(static_cast<std::uint32_t>(rows.integer(row, 0)));
    if (knows) ++both;
    same = same && (knows || rows.text(row, 1) == "f");  // a foreign partition is listed or not
  }
  same = same && both == known.size();
  return same ? Status() : relation_changed(table, "its partitions have changed");
}

// The table's columns as the executor sees them: the lock is held and the snapshot younger, so the catalog cannot
// differ.
Status check_columns(Connection& connection, const SourceTable& table) {
  WALBRIDGE_TRY_AS(const auto rows,
                   connection.query(kColumns, {std::to_string(table.oid)}, "describing " + table.qualified_name()));
  bool same = static_cast<std::size_t>(rows.size()) == table.columns.size();
  for (int row = 0; same && row < rows.size(); ++row) {
    const auto& column = table.columns[static_cast<std::size_t>(row)];
    same = rows.integer(row, 0) == column.attnum && rows.text(row, 1) == column.name &&
           static_cast<std::uint32_t>(rows.integer(row, 2)) == column.type->oid &&
           static_cast<std::int32_t>(rows.integer(row, 3)) == column.type->typmod;
  }
  return same ? Status() : relation_changed(table, "its columns have changed");
}

Relation relation_for(const ChunkRequest& request, const Heap& relation) {
  Relation seen;
  seen.oid = relation.oid;
  seen.schema = relation.schema;
  seen.name = relation.name;
  seen.replica_identity = request.table->replica_identity;
  for (const auto& name : request.columns) {
    for (const auto& column : request.table->columns) {
      if (column.name != name) continue;
      const bool key = std::find(request.key.begin(), request.key.end(), name) != request.key.end();
      seen.columns.push_back({name, column.type->oid, column.type->typmod, key});
    }
  }
  return seen;
}

}  // namespace

Status ChunkSource::connect() {
  if (connection_.healthy()) return Done{};
  WALBRIDGE_TRY_AS(connection_,
                   Connection::open(source_, Connection::Kind::Ordinary, kApplicationPrefix + " backfill"));
  // A mark only has to be in order, and the stream carries what is flushed here: it waits for no standby.
  return connection_.execute("SET synchronous_commit = local", "preparing the session");
}

Status ChunkSource::wait_for_writers(const ChunkRequest& request) {
  const auto& table = *request.table;
  auto& writers = writers_[table.oid];
  auto added = publish_table(connection_, source_, {&table, request.publish_where, request.append_only});
  if (!added) return as_change(std::move(added.error()), table);
  if (*added) writers.forget();
  WALBRIDGE_TRY(writers.wait(connection_, oids_of(heaps_of(table)), table.qualified_name()));
  writers_.erase(table.oid);
  return Done{};
}

Status ChunkSource::open(const ChunkRequest& request) {
  close();
  WALBRIDGE_TRY(connect());
  if (request.first) WALBRIDGE_TRY(wait_for_writers(request));
  auto chunk = begin(request);
  if (!chunk) {
    close();
    return as_change_of_rows(std::move(chunk.error()), *request.table);
  }
  chunk_ = *std::move(chunk);
  return Done{};
}

Result<ChunkSource::OpenChunk> ChunkSource::begin(const ChunkRequest& request) {
  const auto& table = *request.table;
  const auto doing = "copying " + table.qualified_name();
  WALBRIDGE_TRY_AS(const auto sql,
                   chunk_sql(request, [&](std::string_view text) { return connection_.quote_literal(text); }));
  const auto relation = *relation_of(request);
  const bool all_leaves = table.kind == 'p' && request.leaf == 0;
  WALBRIDGE_TRY(connection_.execute(kBegin, doing));
  // The root of a partition too: its columns are what the request was made from. A lock takes no snapshot.
  const auto root = std::string(all_leaves ? "" : "ONLY ") + quote_name(table.schema, table.name);
  WALBRIDGE_TRY(connection_.execute(
      "LOCK TABLE " + root + (request.leaf == 0 ? "" : ", ONLY " + quote_name(relation.schema, relation.name)) +
          " IN ACCESS SHARE MODE",
      doing));
  WALBRIDGE_TRY_AS(const auto rows, connection_.query("SELECT pg_catalog.pg_current_snapshot()", doing));
  const auto snapshot = XidSnapshot::parse(rows.text(0, 0));
  if (!snapshot) {
    return Error{Verdict::Operator, "snapshot", doing + ": the server's snapshot cannot be read",
                 "connect directly to a Postgres of version 14 or later"};
  }
  OpenChunk chunk{request, *snapshot, relation_for(request, relation), {}, 0, 0};
  WALBRIDGE_TRY(check_name(connection_, {table.oid, table.schema, table.name}, table));
  if (request.leaf != 0) WALBRIDGE_TRY(check_name(connection_, relation, table));
  if (table.kind == 'p') WALBRIDGE_TRY(check_leaves(connection_, table));
  WALBRIDGE_TRY(check_columns(connection_, table));
  for (const auto oid : all_leaves ? oids_of(heaps_of(table)) : std::vector<std::uint32_t>{relation.oid})
    chunk.heaps.insert(oid);
  if (!request.key.empty() && request.only.empty()) WALBRIDGE_TRY(connection_.execute(kByIndex, doing));
  WALBRIDGE_TRY(connection_.execute("DECLARE walbridge_chunk NO SCROLL CURSOR FOR " + sql, doing));
  return chunk;
}

// As many rows as fill the piece, judging by those before; never many more than the last time, for rows grow too.
std::size_t ChunkSource::rows_to_fetch(const ChunkPiece& piece) const {
  const auto pace = paces_.find(chunk_->request.table->oid);
  if (pace == paces_.end()) return kFirstRows;
  const auto room = kPieceBytes > piece.arena.reserved() ? kPieceBytes - piece.arena.reserved() : 1;
  const auto most = std::min(pace->second.rows * kGrowth, kMostRows);
  return std::clamp<std::size_t>(room / std::max<std::size_t>(pace->second.bytes_per_row, 1), 1, most);
}

bool ChunkSource::full() const {
  const auto& request = chunk_->request;
  if (request.key.empty() || !request.only.empty()) return false;
  return chunk_->rows >= request.most_rows || (chunk_->rows > 0 && chunk_->bytes >= request.most_bytes);
}

Status ChunkSource::fetch(ChunkPiece& piece) {
  const auto& table = *chunk_->request.table;
  const auto count = rows_to_fetch(piece);
  WALBRIDGE_TRY_AS(const auto rows,
                   connection_.query("FETCH FORWARD " + std::to_string(count) + " FROM walbridge_chunk",
                                     "copying " + table.qualified_name()));
  const int columns = static_cast<int>(chunk_->request.columns.size());
  const auto bytes_before = chunk_->bytes;
  for (int row = 0; row < rows.size(); ++row) {
    if (full()) {  // this row is of the next chunk
      piece.ends_chunk = true;
      return Done{};
    }
    const auto heap = static_cast<std::uint32_t>(rows.integer(row, columns));
    if (!chunk_->heaps.contains(heap)) return relation_changed(table, "its partitions have changed");
    for (int column = 0; column < columns; ++column) {
      WireValue value;
      if (!rows.is_null(row, column)) value = {WireValue::Kind::Text, piece.arena.copy(rows.text(row, column))};
      chunk_->bytes += value.text.size();
      piece.values.push_back(value);
    }
    piece.heaps.push_back(heap);
    ++piece.rows;
    ++chunk_->rows;
  }
  if (static_cast<std::size_t>(rows.size()) < count) piece.ends_chunk = piece.ends_table = true;
  if (rows.size() > 0) {
    const auto came = static_cast<std::size_t>(rows.size());
    paces_[table.oid] = {count, (chunk_->bytes - bytes_before) / came};
  }
  return Done{};
}

Result<ChunkPiece> ChunkSource::next() {
  if (!chunk_) {
    return Error{Verdict::Retry, "backfill-closed", "the chunk that was read is closed", ""};
  }
  ChunkPiece piece;
  piece.id = chunk_->request.id;
  piece.snapshot = chunk_->snapshot;
  piece.seen = chunk_->seen;
  while (!piece.ends_chunk && piece.arena.reserved() < kPieceBytes && piece.rows < kMostRows) {
    auto came = fetch(piece);
    if (!came) {
      const auto table = chunk_->request.table;
      close();
      return as_change_of_rows(std::move(came.error()), *table);
    }
  }
  if (piece.ends_chunk) close();
  return piece;
}

// A transaction of its own, whose commit lies in the log behind that of every transaction the snapshot sees.
Status ChunkSource::mark(std::uint64_t chunk) {
  close();
  WALBRIDGE_TRY(connect());
  WALBRIDGE_TRY(connection_.query("SELECT pg_catalog.pg_logical_emit_message(true, $1, $2)",
                                  {"walbridge.mark." + token_, std::to_string(chunk)}, "marking a chunk"));
  return Done{};
}

void ChunkSource::close() noexcept {
  chunk_.reset();
  if (connection_.raw() == nullptr) return;
  if (PQtransactionStatus(connection_.raw()) == PQTRANS_IDLE) return;
  const Rows ended(PQexec(connection_.raw(), "ROLLBACK"));
  if (PQresultStatus(ended.raw()) != PGRES_COMMAND_OK) connection_ = Connection();
}

std::unique_ptr<BackfillSource> open_backfill_source(const config::Config& config) {
  return std::make_unique<ChunkSource>(config.source);
}

}  // namespace walbridge::source_pg
