// The publication that decides what the slot streams: exactly the planned heaps (a table, or the leaves of a
// partitioned root), every operation, no row filter. Ours is marked by its comment; any other is only compared.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/finding.h"
#include "pipeline/api/result.h"
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
std::vector<Heap> heaps_of(std::span<const SourceTable* const> tables);

struct PublicationState {
  bool exists = false;
  bool ours = false;  // created by a walbridge
  bool all_tables = false;
  bool via_root = false;
  std::vector<std::string> not_published;  // of insert, update, delete, truncate
  std::vector<std::uint32_t> heaps;        // what it publishes now, wildcards resolved
  std::vector<std::string> filtered;       // tables with a row filter
};
Result<PublicationState> read_publication(Connection& connection, const std::string& name);

// What is wrong with a publication for these tables, in words; empty: nothing. `fix` gets the statements that mend it.
std::string publication_problem(const PublicationState& state, const std::string& name,
                                std::span<const SourceTable* const> tables, std::string& fix);

std::string create_publication_sql(const std::string& name, const std::vector<Heap>& heaps);

Status ensure_publication(Connection& connection, const config::Source& source,
                          std::span<const SourceTable* const> tables);

// A Gap when it is gone or no longer publishes all of these tables.
Status verify_publication(Connection& connection, const config::Source& source,
                          std::span<const SourceTable* const> tables);

}  // namespace walbridge::source_pg
