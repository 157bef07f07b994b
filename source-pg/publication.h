// The publications that decide what the slot streams, as the source has them: exactly the planned heaps (a table, or
// the leaves of a partitioned root), every operation, no row filter but ours. Tables in append mode that have no usable
// replica identity are in a second one, <name>_append, which publishes no updates: so those still work at the source.
// Both must be older than the slot, because the log is decoded with the catalog of its time. Ours are marked by their
// comment; any other is only compared. Reads only; publication_change.h changes them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/finding.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source.h"
#include "pipeline/api/source_table.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// A relation that holds rows and appears in the stream under its own oid.
struct Heap {
  std::uint32_t oid = 0;
  std::string schema;
  std::string name;
  std::string qualified_name() const { return schema + "." + name; }
};
std::vector<Heap> heaps_of(const SourceTable& table);
std::vector<Heap> heaps_of(std::span<const SourceTable* const> tables);

// "orders_append", within the length of a name.
std::string append_publication_name(const std::string& name);

// Whether updates and deletes of the table still work once they are published.
bool has_usable_identity(const SourceTable& table);
inline bool belongs_to_append(const PublishedTable& table) {
  return table.append_only && !has_usable_identity(*table.table);
}

constexpr int kFirstWithFilters = 150000;  // server version

// What we noted about a filter when we set it, as fingerprints: the SQL we were asked for, and what the catalog then
// held.
struct FilterNote {
  std::string wanted;
  std::string placed;
};
std::string fingerprint(std::string_view text);

// What the comment of a publication of ours says.
struct PublicationNote {
  bool ours = false;
  std::map<std::uint32_t, FilterNote> filters{};
};
PublicationNote parse_note(std::string_view comment);
std::string to_comment(const PublicationNote& note, const std::string& slot);

struct PublicationState {
  bool exists = false;
  bool all_tables = false;
  bool via_root = false;
  bool ours = false;                       // created by a walbridge
  std::vector<std::string> not_published;  // of insert, update, delete, truncate
  std::vector<std::uint32_t> heaps;        // what it publishes now, wildcards resolved
  struct Filter {
    std::string table;   // qualified name
    std::string placed;  // fingerprint of what the catalog holds
  };
  std::map<std::uint32_t, Filter> filters;  // row filters by heap
  std::set<std::uint32_t> column_lists;     // heaps of which only some columns are published
  PublicationNote note;
  std::shared_ptr<const PublicationState> append;  // <name>_append; null when it does not exist
};
Result<PublicationState> read_publication(Connection& connection, const std::string& name);

// Whether something that is not ours keeps rows or columns of the heap from the stream.
bool is_narrowed(const PublicationState& state, std::uint32_t heap);

// What is wrong with the publications for these tables, in words; empty: nothing. `fix` gets the statements that mend
// it.
std::string publication_problem(const PublicationState& state, const std::string& name,
                                std::span<const PublishedTable> tables, std::string& fix);

// As a person would write it; `append`: of <name>_append.
std::string create_publication_sql(const std::string& name, const std::vector<Heap>& heaps, bool append = false);
// "ALTER PUBLICATION … ADD TABLE ONLY …"
std::string add_tables_sql(const std::string& name, const std::vector<Heap>& heaps);

// Those of `tables`, by oid, that neither publication holds whole: all partitions, kinds of change, rows and columns.
// What is no more is not one.
Result<std::vector<std::uint32_t>> unpublished(Connection& connection, const config::Source& source,
                                               std::span<const SourceTable* const> tables);

// A Gap when one is gone or no longer publishes all of these tables.
Status verify_publication(Connection& connection, const config::Source& source, std::span<const PublishedTable> tables);

}  // namespace walbridge::source_pg
