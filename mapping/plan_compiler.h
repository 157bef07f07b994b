// Compiles one TablePlan step by step; each step refuses what cannot be mapped. Lives for one compile() or, for names
// that several tables share, one plan_sink(). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mapping/table_plan.h"
#include "mapping/table_rules.h"

namespace walbridge::mapping {

struct PlanCompiler {
  static Result<std::shared_ptr<TablePlan>> compile(const SourceTable& source, const config::Config& config);

  // Index names are global in SQLite: plan_sink() renames one that clashes before the plan is handed out.
  static std::vector<CacheIndex>& indexes(TablePlan& plan) { return plan.cache_.indexes; }

 private:
  PlanCompiler(const SourceTable& source, const config::Config& config)

      : source_(source), config_(config), plan_(std::make_shared<TablePlan>()) {}

  Status run();
  Status refuse_kind() const;
  Status name_table();
  Status plan_columns();
  Status plan_column(const SourceColumn& column);
  Status add_leaf_column();
  Status check_column_names() const;
  Status check_date_encodings() const;
  Status place_key();
  Status check_key_column(std::size_t position) const;
  void plan_indexes();
  void finish();
  void leave_out(const SourceColumn& column, const char* reason);
  Error refuse(const char* code, std::string message, std::string remedy) const;
  int position_of(std::int16_t attnum) const;  // in the cache; -1 not carried

  const SourceTable& source_;
  const config::Config& config_;
  TableRules rules_;
  std::vector<std::int16_t> key_;
  std::vector<std::int16_t> carried_;  // attnum of each cache column
  std::vector<bool> chosen_by_column_;
  std::shared_ptr<TablePlan> plan_;
};

}  // namespace walbridge::mapping
