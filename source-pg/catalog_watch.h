// Looks for changes of the schema where no event trigger tells of them. Remembers the catalog's fingerprint, so that a
// look at one that has not changed is cheap, and each table's file and column versions, so that it sees a rewrite that
// changed rows without row events. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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
    bool young = false;             // its row is not older than what the slot may still have to say
    friend bool operator==(const Column&, const Column&) = default;
  };
  std::uint32_t file = 0;  // pg_class.relfilenode
  std::map<int, Column> columns;
  bool young = false;            // its file is not its first one, and the slot may still have to say when it came
  bool described_since = false;  // by somebody else, who may have seen columns that are not here
};

// Whether an ALTER TABLE between the two wrote the rows anew, with other values perhaps. TRUNCATE, VACUUM FULL and
// CLUSTER write them anew as well, but leave the columns' rows alone, but for values of older rows that are needed no
// longer.
bool rewritten(const HeapVersion& before, const HeapVersion& after);

// The same where nobody saw it before: whether it may have happened since the stream was last read, to one of the
// columns that were known then. Rather once too often.
bool maybe_rewritten(const HeapVersion& now, const std::set<int>& known_columns);

class CatalogWatch {
 public:
  // SourceTable::json by oid.
  using Known = std::map<std::uint32_t, std::string>;

  // See SourceAdmin::announce_changes(). A table that somebody is just changing is left for the next call. `slot`:
  // whose stream nobody wrote rewrites into while it was not read; empty: event triggers did.
  Result<Known> announce_changes(Connection& connection, const std::string& token, Known known,
                                 const std::string& slot);

  // A table was announced, as this, without a look.
  void announced(const SourceTable& table);

 private:
  struct Look {
    std::string fingerprint;
    bool same = false;  // as the last one; the rest is not read
    std::vector<SourceTable> tables;
    std::map<std::uint32_t, HeapVersion> heaps;
  };
  Result<Look> look(Connection& connection, bool may_be_same, const std::string& slot);
  bool rows_rewritten(const SourceTable& table, const Look& now, const Known& known) const;

  std::string fingerprint_;  // of the last look after which nothing was left to say
  Known said_;               // what it returned
  std::map<std::uint32_t, HeapVersion> heaps_;
};

}  // namespace walbridge::source_pg
