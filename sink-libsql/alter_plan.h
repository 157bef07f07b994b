// Turns schema steps into the SQL of one transaction: names that are taken, a user's views, indexes and triggers that
// stand in the way or would go, full-text tables that follow their table. Pure; one thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/api/result.h"
#include "pipeline/api/schema_step.h"
#include "sink-libsql/cache_catalog.h"
#include "sink-libsql/user_objects.h"

namespace walbridge::sink_libsql {

class AlterPlan {
 public:
  // Both outlive it; the catalog follows the steps.
  AlterPlan(CacheCatalog& catalog, AlterLessons& lessons)
      : catalog_(catalog), lessons_(lessons), user_objects_(catalog, lessons) {}

  // The statements of one Sink::alter(). PoisonRow: a name is taken.
  Result<std::vector<PlannedStatement>> statements(std::span<const SchemaStep> steps);

 private:
  Status plan(const SchemaStep& step);
  Status create_table(const SchemaStep& step);
  void drop_table(const std::string& table);
  Status rename_table(const SchemaStep& step);
  void rename(const std::string& from, const std::string& to);
  Status create_index(const SchemaStep& step);
  void drop_index(const SchemaStep& step);
  std::string free_index_name(const std::string& table, const CacheIndex& index) const;
  std::string made_index_name(const std::string& table, const CacheIndex& index) const;
  void make_index(const CacheTable& table, const CacheIndex& index, const std::string& name);
  std::string known_name(const SchemaStep& step, std::span<const SchemaStep> steps) const;
  void make_room(std::span<const SchemaStep> steps);
  void write(std::string sql) { statements_.push_back({std::move(sql), table_, {}}); }

  CacheCatalog& catalog_;
  AlterLessons& lessons_;
  UserObjects user_objects_;
  std::vector<PlannedStatement> statements_;
  std::vector<std::string> own_indexes_gone_;  // with their tables, in these steps
  std::string table_;                          // of the step that is being planned
};

// PoisonRow: what the cache says to a statement of the plan.
Error schema_refused(const std::string& table, std::string_view message);

// The step that makes `index` of a table that is just being made or swapped in.
SchemaStep create_index_step(const CacheTable& table, const CacheIndex& index);
SchemaStep drop_table_step(const std::string& table);
SchemaStep rename_table_step(const std::string& table, const std::string& to);

}  // namespace walbridge::sink_libsql
