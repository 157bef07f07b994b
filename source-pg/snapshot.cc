#include "source-pg/snapshot.h"

#include <algorithm>
#include <unordered_map>

#include "pipeline/api/failpoint.h"
#include "source-pg/application_name.h"
#include "source-pg/catalog.h"
#include "source-pg/oid_array.h"
#include "source-pg/open.h"
#include "source-pg/pg_error.h"
#include "source-pg/publication.h"
#include "source-pg/slot.h"
#include "source-pg/snapshot_reader.h"

namespace walbridge::source_pg {
namespace {

constexpr std::size_t kLongestSlotName = 63;

constexpr const char* kSizes =
    "SELECT c.oid, pg_catalog.pg_relation_size(c.oid), pg_catalog.current_setting('block_size') "
    "FROM pg_catalog.pg_class c WHERE c.oid = ANY($1::pg_catalog.oid[])";

}  // namespace

std::vector<CopyPart> cut_heap(const CopyPart& whole, std::uint64_t pages_per_part) {
  pages_per_part = std::max<std::uint64_t>(pages_per_part, 1);
  std::vector<CopyPart> parts;
  std::uint64_t first = 0;
  do {
    CopyPart part = whole;
    part.first_page = first;
    part.pages = std::min(pages_per_part, whole.pages - first);
    first += part.pages;
    if (first < whole.pages) part.end_page = first;
    parts.push_back(std::move(part));
  } while (first < whole.pages);
  return parts;
}

std::string twin_slot_name(const std::string& slot, int backend_pid) {
  const std::string suffix = "_load_" + std::to_string(backend_pid);
  return slot.substr(0, kLongestSlotName - suffix.size()) + suffix;
}

Result<SnapshotPoint> SlotSnapshot::begin(SlotUse use) {
  end();
  WALBRIDGE_TRY_AS(auto connection, Connection::open(source_, Connection::Kind::Replication, kSnapshotApplication));
  WALBRIDGE_TRY_AS(const auto point, create_slot(connection, use));
  exporter_ = std::move(connection);
  WALBRIDGE_FAILPOINT("snapshot-slot-created");
  return point;
}

// The old keywords, without parentheses, are the ones that 14 to 18 all understand.
Result<SnapshotPoint> SlotSnapshot::create_slot(Connection& connection, SlotUse use) {
  const bool temporary = use == SlotUse::Temporary;
  const auto name = temporary ? twin_slot_name(source_.slot, connection.backend_pid()) : source_.slot;
  WALBRIDGE_TRY(
      connection.execute("SET lock_timeout = " + connection.quote_literal(longest_wait_), "creating slot " + name));
  const auto command = "CREATE_REPLICATION_SLOT " + quote_name(name) + (temporary ? " TEMPORARY" : "") +
                       " LOGICAL pgoutput EXPORT_SNAPSHOT";
  auto rows = connection.query(command, "creating slot " + name);
  if (!rows) return rows.error().code == "55P03" ? with_open_writers(std::move(rows.error())) : std::move(rows.error());
  const int point = rows->find("consistent_point");
  const int snapshot = rows->find("snapshot_name");
  const auto lsn = point < 0 || rows->size() == 0 ? std::nullopt : parse_lsn(rows->text(0, point));
  if (!lsn || snapshot < 0 || rows->text(0, snapshot).empty()) {
    return Error{Verdict::Operator, "snapshot", "creating slot " + name + ": the server exported no snapshot",
                 "connect directly to a Postgres of version 14 or later"};
  }
  snapshot_ = rows->string(0, snapshot);
  return SnapshotPoint{*lsn};
}

// A new slot waits for every transaction that writes; say which ones.
Error SlotSnapshot::with_open_writers(Error error) {
  error.message = "creating slot " + source_.slot + ": transactions that write kept it waiting for too long";
  auto connection = Connection::open(source_, Connection::Kind::Ordinary, kSnapshotApplication);
  if (!connection) return error;
  const auto writers = describe_open_writers(*connection, 0);
  if (writers && !writers->empty()) error.message += ": " + *writers;
  error.remedy = "end those transactions; walbridge tries again";
  return error;
}

Result<std::unique_ptr<SnapshotReader>> SlotSnapshot::reader() { return TransactionReader::open(source_, snapshot_); }

Result<std::vector<CopyPart>> SlotSnapshot::parts(const SourceTable& table, std::uint64_t part_bytes) {
  const SourceTable* const tables[] = {&table};
  const auto heaps = heaps_of(tables);
  std::vector<std::uint32_t> oids;
  for (const auto& heap : heaps) oids.push_back(heap.oid);

  const std::lock_guard guard(sizes_mutex_);
  if (!sizes_.healthy()) {
    WALBRIDGE_TRY_AS(sizes_, Connection::open(source_, Connection::Kind::Ordinary, kSnapshotApplication));
  }
  WALBRIDGE_TRY_AS(const auto rows, sizes_.query(kSizes, {oid_array(oids)}, "sizing " + table.qualified_name()));
  std::unordered_map<std::uint32_t, std::uint64_t> pages;
  std::uint64_t pages_per_part = 1;
  for (int row = 0; row < rows.size(); ++row) {
    const auto page_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(rows.integer(row, 2), 1));
    pages[static_cast<std::uint32_t>(rows.integer(row, 0))] =
        static_cast<std::uint64_t>(rows.integer(row, 1)) / page_bytes;
    pages_per_part = std::max<std::uint64_t>(part_bytes / page_bytes, 1);
  }
  std::vector<CopyPart> parts;
  for (const auto& heap : heaps) {
    CopyPart whole;
    whole.oid = heap.oid;
    whole.schema = heap.schema;
    whole.name = heap.name;
    whole.pages = pages[heap.oid];
    auto cut = cut_heap(whole, pages_per_part);
    parts.insert(parts.end(), std::make_move_iterator(cut.begin()), std::make_move_iterator(cut.end()));
  }
  return parts;
}

// What the catalog's functions print (types, expressions) is as of now, whatever the snapshot: a change of the schema
// since then may show in it, or fail it. The stream tells of that change too, so only a failure matters.
Result<std::vector<SourceTable>> SlotSnapshot::describe_tables() {
  WALBRIDGE_TRY_AS(auto connection, Connection::open(source_, Connection::Kind::Ordinary, kSnapshotApplication));
  WALBRIDGE_TRY(connection.execute(join_snapshot_sql(connection, snapshot_), "joining the snapshot"));
  auto tables = read_tables(connection);
  if (!tables && tables.error().code.starts_with("XX")) {
    return Error{Verdict::Retry, "catalog-changed", "the schema changed while the snapshot's catalog was read", ""};
  }
  return tables;
}

void SlotSnapshot::end() noexcept {
  exporter_ = Connection();
  snapshot_.clear();
  const std::lock_guard guard(sizes_mutex_);
  sizes_ = Connection();
}

std::unique_ptr<SnapshotSource> open_snapshot_source(const config::Config& config) {
  return std::make_unique<SlotSnapshot>(config.source);
}

}  // namespace walbridge::source_pg
