// Changes of a cache's schema, as a mapping asks for them and a sink carries them out inside a cache transaction (I1):
// in order, between the row changes before and after them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/cache_table.h"

namespace walbridge {

struct SchemaStep {
  enum class Kind : std::uint8_t {
    CreateTable,   // `definition` under the name `table`, without indexes; what this stream left under that name goes
    DropTable,     // `table`, if it is there; its indexes and full-text tables go with it
    RenameTable,   // `table` becomes `to`
    AddColumn,     // `column`, whose old rows hold `fill` (a constant)
    AddComputed,   // `computed`
    DropColumn,    // `name`, stored or computed; no index uses it any more
    RenameColumn,  // `name` becomes `to`
    CreateIndex,   // `index` on `table`; a taken name gets the table's name in front
    DropIndex,     // `index` of `table`, under whichever of the two names it got
    Execute,       // `sql`: one statement that moves rows
  };
  Kind kind = Kind::Execute;
  std::string table;  // the cache table at the time of the step; names it in errors
  std::string to{};
  std::string name{};
  CacheTable definition{};
  CacheColumn column{};
  SqlValue fill = SqlValue::null();  // its bytes live as long as the step's owner says
  ComputedColumn computed{};
  CacheIndex index{};
  std::string sql{};
};

}  // namespace walbridge
