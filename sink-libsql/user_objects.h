// Views, indexes and triggers of the user's that make room while walbridge changes its tables, and come back as they
// were as far as they still can. Pure apart from the log; one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sink-libsql/cache_catalog.h"

namespace walbridge::sink_libsql {

struct PlannedStatement {
  std::string sql;
  std::string table;   // the cache table it is about, for errors
  std::string object;  // makes this one of the user's again: the cache can do without it
};

// What earlier attempts at the same steps have found out. Grows with every learn(), so trying again ends.
class AlterLessons {
 public:
  // Whether there is another way after `failed` was refused with `message`; `catalog` as it was before the steps.
  bool learn(const PlannedStatement& failed, std::string_view message, const CacheCatalog& catalog);
  bool stands_in_the_way(const SchemaObject& object) const;
  bool cannot_return(std::string_view name) const;
  void give_up(const std::string& name, std::string_view why);
  // Says which objects are gone; once the transaction has committed.
  void tell(const std::string& cache) const;
  void clear();

 private:
  struct Lost {
    std::string name;
    std::string why;
  };
  std::vector<std::string> in_the_way_;
  std::vector<Lost> lost_;
};

class UserObjects {
 public:
  UserObjects(CacheCatalog& catalog, AlterLessons& lessons) : catalog_(catalog), lessons_(lessons) {}

  // Takes it out of the catalog. Returns the statement that drops it; empty when it goes with its table.
  std::string set_aside(const SchemaObject& object, bool goes_with_table);
  // Every view of the user's, with its triggers.
  std::vector<std::string> set_views_aside();
  // What makes them again, `table` in their errors.
  std::vector<PlannedStatement> bring_back(const std::string& table);

 private:
  bool may_return(const SchemaObject& object);
  void probe(const SchemaObject& trigger, const std::string& table, std::vector<PlannedStatement>& statements) const;

  CacheCatalog& catalog_;
  AlterLessons& lessons_;
  std::vector<SchemaObject> waiting_;
};

}  // namespace walbridge::sink_libsql
