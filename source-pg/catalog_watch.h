// Looks for changes of the schema where no event trigger tells of them. Remembers the catalog's fingerprint, so that a
// look at one that has not changed is cheap, and each table's file and column versions, so that it sees a rewrite that
// changed rows without row events. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/result.h"
#include "pipeline/api/source_table.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

// What a heap's rows lie in, and which version of the catalog's rows describe its columns.
struct HeapVersion {
  struct Column {
    std::string row;                // pg_attribute.xmin
    bool missing = false;           // has a value for rows older than itself
    std::uint32_t default_oid = 0;  // pg_attrdef.oid; 0: none
    friend bool operator==(const Column&, const Column&) = default;
  };
  std::uint32_t file = 0;  // pg_class.relfilenode
  std::map<int, Column> columns;
};

// Whether an ALTER TABLE between the two wrote the rows anew, with other values perhaps. TRUNCATE, VACUUM FULL and
// CLUSTER write them anew as well, but leave the columns' rows alone, but for values of older rows that are needed no
// longer.
bool rewritten(const HeapVersion& before, const HeapVersion& after);

class CatalogWatch {
 public:
  // SourceTable::json by oid.
  using Known = std::map<std::uint32_t, std::string>;

  // See SourceAdmin::announce_changes(). A table that somebody is just changing is left for the next call.
  Result<Known> announce_changes(Connection& connection, const std::string& token, Known known);

 private:
  struct Look {
    std::string fingerprint;
    bool same = false;  // as the last one; the rest is not read
    std::vector<SourceTable> tables;
    std::map<std::uint32_t, HeapVersion> heaps;
  };
  Result<Look> look(Connection& connection, bool may_be_same);
  bool rows_rewritten(const SourceTable& table, const Look& now) const;

  std::string fingerprint_;  // of the last look after which nothing was left to say
  Known said_;               // what it returned
  std::map<std::uint32_t, HeapVersion> heaps_;
};

}  // namespace walbridge::source_pg
