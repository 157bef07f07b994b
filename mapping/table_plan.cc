#include "mapping/table_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "mapping/plan_compiler.h"
#include "mapping/row_filter.h"
#include "mapping/table_rules.h"

namespace walbridge::mapping {

namespace {

Error changed(const CacheTable& table, const std::string& what) {
  return {Verdict::PoisonRow, "relation-changed", fmt::format("{} changed at the source: {}", table.source_name, what),
          "restart walbridge: it copies the table again in its new shape", table.name};
}

const Relation::Column* find_column(const Relation& relation, const std::string& name, std::uint32_t& position) {
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    if (relation.columns[i].name != name) continue;
    position = static_cast<std::uint32_t>(i);
    return &relation.columns[i];
  }
  return nullptr;
}

Status check_type(const CacheTable& table, const PlannedColumn& planned, const Relation::Column& column) {
  if (column.type_oid != planned.type_oid) {
    return changed(table, fmt::format("column {} is no longer {}", planned.source_name, planned.source_type));
  }
  if (column.typmod != planned.typmod) {
    return changed(table, fmt::format("column {} is no longer {} but of another length or precision",
                                      planned.source_name, planned.source_type));
  }
  return {};
}

std::uint32_t position_in(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::uint32_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

}  // namespace

Result<std::shared_ptr<const TablePlan>> TablePlan::compile(const SourceTable& source, const config::Config& config,
                                                            const config::Sink& sink) {
  WALBRIDGE_TRY_AS(auto plan, PlanCompiler::compile(source, config, sink));
  return std::shared_ptr<const TablePlan>(std::move(plan));
}

Status TablePlan::check_name(const Relation& relation) const {
  const auto same = [&](const std::string& schema, const std::string& table) -> Status {
    if (relation.schema == schema && relation.name == table) return {};
    return changed(cache_, fmt::format("{}.{} is now {}.{}", schema, table, relation.schema, relation.name));
  };
  if (relation.oid == cache_.source_oid) return same(schema_, table_);
  for (const auto& leaf : leaves_) {
    if (leaf.oid == relation.oid) return same(leaf.schema, leaf.name);
  }
  return changed(cache_,
                 fmt::format("{}.{} is not one of the tables it was planned from", relation.schema, relation.name));
}

std::vector<std::string> TablePlan::key_columns() const {
  std::vector<std::string> names;
  for (const auto position : cache_.key) names.push_back(columns_[position].source_name);
  return names;
}

Status TablePlan::check_identity(const Relation& relation) const {
  if (append_only_) return {};
  if (relation.replica_identity == ReplicaIdentity::Full) return {};
  if (relation.replica_identity == ReplicaIdentity::Nothing) {
    return changed(cache_, "its replica identity is nothing now");
  }
  if (cache_.key.empty()) return changed(cache_, "its replica identity is no longer full");
  for (const auto position : cache_.key) {
    std::uint32_t at = 0;
    const auto& name = columns_[position].source_name;
    const auto* column = find_column(relation, name, at);
    if (column == nullptr || !column->key) {
      return changed(cache_, fmt::format("column {} is no longer in its replica identity", name));
    }
  }
  return {};
}

Result<BoundPlan> TablePlan::bind(const Relation& relation) const {
  WALBRIDGE_TRY(check_name(relation));
  BoundPlan bound;
  bound.plan_ = this;
  bound.heap_oid_ = relation.oid;
  bound.wire_width_ = relation.columns.size();
  for (const auto& planned : columns_) {
    std::uint32_t position = 0;
    const auto* column = find_column(relation, planned.source_name, position);
    if (column == nullptr) return changed(cache_, fmt::format("column {} is gone", planned.source_name));
    WALBRIDGE_TRY(check_type(cache_, planned, *column));
    bound.wire_position_.push_back(position);
  }
  WALBRIDGE_TRY(bind_filter(relation, bound));
  for (const auto& column : relation.columns) {
    const bool ours = std::any_of(columns_.begin(), columns_.end(),
                                  [&](const PlannedColumn& planned) { return planned.source_name == column.name; });
    const bool left_out = std::find(left_out_.begin(), left_out_.end(), column.name) != left_out_.end();
    if (!ours && !left_out && lets_through(only_, omit_, column.name)) {
      return changed(cache_, fmt::format("column {} is new", column.name));
    }
  }
  WALBRIDGE_TRY(check_identity(relation));
  return bound;
}

Status TablePlan::bind_filter(const Relation& relation, BoundPlan& bound) const {
  if (!filter_) return {};
  bound.filter_in_key_ =
      relation.replica_identity == ReplicaIdentity::Default || relation.replica_identity == ReplicaIdentity::Index;
  for (const auto& read : filter_->columns) {
    std::uint32_t position = 0;
    const auto* column = find_column(relation, read.name, position);
    if (column == nullptr) return changed(cache_, fmt::format("column {}, which `where` reads, is gone", read.name));
    if (column->type_oid != read.type_oid) {
      return changed(cache_, fmt::format("column {}, which `where` reads, is of another type", read.name));
    }
    bound.filter_position_.push_back(position);
    bound.filter_in_key_ = bound.filter_in_key_ && column->key;
  }
  return {};
}

BoundPlan TablePlan::bind_copy(std::uint32_t heap_oid) const {
  BoundPlan bound;
  bound.plan_ = this;
  bound.heap_oid_ = heap_oid;
  bound.wire_width_ = copy_columns_.size();
  for (const auto& planned : columns_) {
    bound.wire_position_.push_back(position_in(copy_columns_, planned.source_name));
  }
  if (filter_) {
    for (const auto& read : filter_->columns) bound.filter_position_.push_back(position_in(copy_columns_, read.name));
  }
  return bound;
}

}  // namespace walbridge::mapping
