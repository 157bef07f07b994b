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
  static Result<std::shared_ptr<TablePlan>> compile(const SourceTable& source, const config::Config& config,
                                                    const config::Sink& sink);

  // Index names are global in SQLite: plan_sink() renames one that clashes before the plan is handed out.
  static CacheTable& cache(TablePlan& plan) { return plan.cache_; }
  // Of the column at this place in columns().
  static const Encoder& encoder(const TablePlan& plan, std::size_t column) { return *plan.encoders_[column]; }

 private:
  static constexpr std::int16_t kNoSource = -1;

  PlanCompiler(const SourceTable& source, const config::Config& config, const config::Sink& sink)
      : source_(source), config_(config), sink_(sink), plan_(std::make_shared<TablePlan>()) {}

  Status run();
  Status name_table();
  // plan_columns.cc: the columns, their encodings, masks and order keys.
  Status plan_columns();
  Status plan_column(const SourceColumn& column);
  Result<std::shared_ptr<const Encoder>> choose_encoder(const SourceColumn& column, const config::ColumnRule& rule,
                                                        const std::string& chosen) const;
  void add_column(const SourceColumn& column, std::string name, std::shared_ptr<const Encoder> encoder, bool order_key);
  Status add_order_key(const SourceColumn& column, const config::ColumnRule& rule, const std::string& name);
  void leave_out(const SourceColumn& column, const char* reason);
  // plan_rows.cc: which rows there are: filter, mode, soft delete.
  Status plan_rows();
  Status add_filter();
  bool may_be_published(const RowFilter& filter) const;
  Status add_soft_delete();
  Status add_leaf_column();
  Status check_width() const;
  Status check_column_names() const;
  Status check_date_encodings() const;
  Status place_key();
  Status check_key_column(std::size_t position) const;
  Status plan_rest();
  void finish();
  Error refuse(const char* code, std::string message, std::string remedy) const;
  int position_of(std::int16_t attnum) const;  // in the cache; -1 not carried

  const SourceTable& source_;
  const config::Config& config_;
  const config::Sink& sink_;
  TableRules rules_;
  std::vector<std::int16_t> key_;
  std::vector<std::int16_t> carried_;  // attnum of each cache column; kNoSource: an order key
  std::vector<bool> chosen_by_column_;
  std::shared_ptr<TablePlan> plan_;
};

}  // namespace walbridge::mapping
