#include "pipeline/lane_tables.h"

#include <algorithm>

namespace walbridge::pipeline {

void LaneTables::assign(std::vector<Table> tables) {
  tables_.clear();
  by_heap_.clear();
  entries_.clear();
  unwritten_.clear();
  for (auto& table : tables) {
    tables_.push_back(std::make_unique<Table>(std::move(table)));
    for (const auto heap : tables_.back()->heaps) by_heap_[heap] = tables_.back().get();
  }
}

void LaneTables::adopt(std::span<const TableRecord> records) {
  for (const auto& stored : records) {
    const bool newer_here = std::any_of(unwritten_.begin(), unwritten_.end(), [&](const TableRecord& record) {
      return record.source_oid == stored.source_oid;
    });
    if (newer_here) continue;
    for (const auto& table : tables_) {
      if (table->record.source_oid == stored.source_oid) table->record = stored;
    }
  }
}

const LaneTables::Route& LaneTables::route(const Relation& relation, const Chunk& chunk) {
  auto& entry = entries_[relation.oid];
  if (entry.relation.get() == &relation) return entry.route;

  const auto owner = std::find_if(chunk.relations.begin(), chunk.relations.end(),
                                  [&](const auto& candidate) { return candidate.get() == &relation; });
  entry.relation = owner == chunk.relations.end() ? nullptr : *owner;
  entry.bound.reset();
  entry.route = {};
  const auto found = by_heap_.find(relation.oid);
  if (found == by_heap_.end()) return entry.route;
  entry.route.table = found->second;
  auto bound = found->second->plan->bind(relation);
  if (bound) {
    entry.bound = *std::move(bound);
    entry.route.bound = &*entry.bound;
  } else {
    entry.route.misfit = bound.error();
  }
  return entry.route;
}

void LaneTables::stop(Table& table, const Error& error, Lsn at) {
  table.record.state = TableState::Stopped;
  table.record.code = error.code;
  table.record.reason = error.remedy.empty() ? error.message : error.message + "; " + error.remedy;
  table.record.stopped_at = at;
  unwritten_.push_back(table.record);
}

LaneTables::Table* LaneTables::find_by_cache_name(const std::string& name) {
  for (const auto& table : tables_) {
    if (table->record.cache_name == name) return table.get();
  }
  return nullptr;
}

std::vector<TableRecord> LaneTables::records() const {
  std::vector<TableRecord> all;
  all.reserve(tables_.size());
  for (const auto& table : tables_) all.push_back(table->record);
  return all;
}

}  // namespace walbridge::pipeline
