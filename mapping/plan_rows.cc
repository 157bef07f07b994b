// PlanCompiler: which rows a cache table has: filter, mode and soft delete.
#include <algorithm>

#include <fmt/format.h>

#include "mapping/encoder.h"
#include "mapping/names.h"
#include "mapping/plan_compiler.h"
#include "mapping/plan_key.h"
#include "mapping/row_filter.h"

namespace walbridge::mapping {

Status PlanCompiler::plan_rows() {
  plan_->on_ddl_ = rules_.on_ddl;
  plan_->append_only_ = rules_.append;
  if (rules_.append && !rules_.soft_delete.empty()) {
    return refuse("bad-rule",
                  fmt::format("{} is in mode append, which takes no deletes, soft or not", source_.qualified_name()),
                  "remove `mode: append` or `delete: soft` from the rules");
  }
  WALBRIDGE_TRY(add_filter());
  WALBRIDGE_TRY(add_soft_delete());
  auto& rows = plan_->rows_;
  const auto say = [&](const std::string& what) { rows += (rows.empty() ? "" : "; ") + what; };
  if (plan_->append_only_) say("append");
  if (!rules_.soft_delete.empty()) say(fmt::format("soft delete {}", rules_.soft_delete));
  if (plan_->filter_) say("where " + plan_->filter_->sql);
  return {};
}

Status PlanCompiler::add_filter() {
  if (!rules_.where) return {};
  WALBRIDGE_TRY_AS(plan_->filter_, compile_row_filter(*rules_.where, source_));
  auto& copied = plan_->copy_columns_;
  for (const auto& column : plan_->filter_->columns) {
    if (std::find(copied.begin(), copied.end(), column.name) == copied.end()) copied.push_back(column.name);
  }
  if (may_be_published(*plan_->filter_)) plan_->publish_where_ = plan_->filter_->sql;
  return {};
}

// Postgres filters by what it sends of old rows, and each partition by its own filter.
bool PlanCompiler::may_be_published(const RowFilter& filter) const {
  if (!filter.portable || source_.kind != 'r' || source_.has_children) return false;
  const auto identity = identity_columns(source_);
  return identity && std::all_of(filter.columns.begin(), filter.columns.end(), [&](const RowFilter::Column& column) {
           return std::find(identity->begin(), identity->end(), column.attnum) != identity->end();
         });
}

Status PlanCompiler::add_soft_delete() {
  if (rules_.soft_delete.empty()) return {};
  const auto& name = rules_.soft_delete;
  if (key_.empty()) {
    return refuse("no-key", fmt::format("{} has no key, and a soft delete must find its row", source_.qualified_name()),
                  "choose `key` columns in a rule, add a primary key, or delete hard");
  }
  auto& columns = plan_->cache_.columns;
  const bool taken = std::any_of(columns.begin(), columns.end(),
                                 [&](const CacheColumn& each) { return fold_name(each.name) == fold_name(name); });
  if (taken || fold_name(name).starts_with("_walbridge_")) {
    return refuse("name-collision",
                  fmt::format("the soft delete of {} would be marked in column {}, and that name is {}",
                              source_.qualified_name(), name, taken ? "taken" : "reserved"),
                  "choose another column name in `delete: { soft: … }`");
  }
  auto type = std::make_shared<PgType>();
  type->kind = "timestamptz";
  type->sql = "timestamp with time zone";
  SourceColumn mark;
  mark.name = name;
  mark.type = type;
  EncodingChoice choice;
  choice.name = chosen_encoding(rules_, config_, mark).name;
  if (choice.name == "omit" || choice.name == "error") choice.name = "default";
  choice.profile = config_.profile;
  WALBRIDGE_TRY_AS(auto encoder, compile_encoder(type, choice));
  plan_->soft_delete_column_ = static_cast<std::int32_t>(columns.size());
  CacheColumn cache;
  cache.name = name;
  cache.decl = encoder->decl;
  columns.push_back(std::move(cache));
  plan_->soft_delete_encoder_ = std::move(encoder);
  return {};
}

}  // namespace walbridge::mapping
