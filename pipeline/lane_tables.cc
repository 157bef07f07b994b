#include "pipeline/lane_tables.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "mapping/enum_labels.h"
#include "mapping/names.h"
#include "mapping/table_rules.h"
#include "pipeline/api/source_json.h"

namespace walbridge::pipeline {
namespace {

bool contains(std::span<const std::uint32_t> oids, std::uint32_t oid) {
  return std::find(oids.begin(), oids.end(), oid) != oids.end();
}

void put_source(std::vector<SourceTable>& sources, const SourceTable& source) {
  const auto known =
      std::find_if(sources.begin(), sources.end(), [&](const SourceTable& s) { return s.oid == source.oid; });
  if (known == sources.end()) {
    sources.push_back(source);
  } else {
    *known = source;
  }
}

std::string sentence(const Error& error) {
  return error.remedy.empty() ? error.message : error.message + "; " + error.remedy;
}

// Whether a table of the stored shape is one of `wanted`; columns it merely kept do not count.
bool fits(const std::string& stored, const std::string& wanted) {
  if (stored == wanted) return true;
  auto shape = mapping::shape_from_json(stored);
  if (!shape || shape->kept.empty()) return false;
  shape->kept.clear();
  return mapping::to_json(*shape) == wanted;
}

// A name that means another column now, or a label another one.
bool names_moved(const SourceTable& was, const SourceTable& now) {
  for (const auto& before : was.columns) {
    for (const auto& after : now.columns) {
      if (before.name == after.name && before.attnum != after.attnum) return true;
      if (before.attnum == after.attnum && before.type && after.type &&
          mapping::holds_renamed_label(*before.type, *after.type)) {
        return true;
      }
    }
  }
  return false;
}

Error copy_error(std::string code, std::string why, const TableRecord& record) {
  return {Verdict::PoisonRow, std::move(code), std::move(why), {}, record.cache_name};
}

}  // namespace

std::vector<LaneTables::Change> LaneTables::assign(std::span<const TableRecord> records, bool first) {
  tables_.clear();
  entries_.clear();
  retired_.clear();
  sources_ = catalog_;
  for (const auto& stored : records) {
    auto table = std::make_unique<Table>();
    table->record = stored;
    for (const auto& decision : unwritten_) {
      if (decision.oid == stored.source_oid) carry(decision, table->record);
    }
    // A cache speaks of its tables as they were at its checkpoint; the stream tells what became of them.
    if (auto described = source_table_from_json(table->record.description)) {
      const auto* today = source_of(described->oid);
      described->estimated_rows = today == nullptr ? -1 : today->estimated_rows;
      put_source(sources_, *described);
      table->source = std::make_shared<const SourceTable>(*std::move(described));
    }
    tables_.push_back(std::move(table));
  }
  return replan({{}, {}, {}, first, false});
}

const SourceTable* LaneTables::source_of(std::uint32_t oid) const {
  const auto found =
      std::find_if(sources_.begin(), sources_.end(), [&](const SourceTable& source) { return source.oid == oid; });
  return found == sources_.end() ? nullptr : &*found;
}

std::vector<LaneTables::Change> LaneTables::learn(const SchemaNews& news, Lsn at) {
  for (const auto& source : news.tables) put_source(sources_, *source);
  std::erase_if(sources_, [&](const SourceTable& source) { return contains(news.gone, source.oid); });
  // A table that no plan takes has no record in the cache: this is where it is remembered.
  for (const auto& source : news.tables) put_source(catalog_, *source);
  std::erase_if(catalog_, [&](const SourceTable& source) { return contains(news.gone, source.oid); });
  return replan({news.rewritten, news.requested, at, false, news.late});
}

// A change of the schema concerns few of many tables, so the others must cost next to nothing here.
std::vector<LaneTables::Change> LaneTables::replan(const Occasion& occasion) {
  std::unordered_map<std::uint32_t, const SourceTable*> sources;
  for (const auto& source : sources_) sources.emplace(source.oid, &source);
  std::unordered_map<std::uint32_t, Table*> known;
  for (const auto& table : tables_) known.emplace(table->record.source_oid, table.get());
  mapping::SettledNames settled;
  for (const auto& table : tables_) {
    if (!is_relic(table->record) && sources.contains(table->record.source_oid)) {
      settled[table->record.source_oid] = table->record.cache_name;
    }
  }
  auto plans = mapping::plan_sink(sources_, config_, sink_, settled, &plans_);
  std::vector<Change> changes;
  std::unordered_set<std::uint32_t> carried;
  for (auto& plan : plans.tables) {
    const auto oid = plan->cache().source_oid;
    carried.insert(oid);
    auto*& table = known[oid];
    if (table == nullptr) {
      tables_.push_back(std::make_unique<Table>());
      table = tables_.back().get();
      table->record.source_oid = oid;
      table->record.source_name = plan->cache().source_name;
      table->record.cache_name = plan->cache().name;
    }
    const auto& source = *sources.at(oid);
    const bool named = contains(occasion.rewritten, oid) || contains(occasion.requested, oid);
    if (!named && is_settled(*table, source, plan.get())) continue;
    auto change = planned(*table, source, std::move(plan), occasion);
    table->refused = false;
    if (change.table != nullptr) changes.push_back(std::move(change));
  }
  for (const auto& table : tables_) {
    if (carried.contains(table->record.source_oid)) continue;
    const auto refusal = std::find_if(plans.refused.begin(), plans.refused.end(), [&](const auto& refused) {
      return refused.source_oid == table->record.source_oid;
    });
    table->refused = refusal != plans.refused.end();
    auto change = lost(*table, table->refused ? &refusal->error : nullptr);
    if (change.table != nullptr) changes.push_back(std::move(change));
  }
  refused_ = std::move(plans.refused);
  // What leaves a name goes before what takes it.
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return (a.plan == nullptr) > (b.plan == nullptr); });
  index_heaps();
  return changes;
}

// Nothing has come since it was last compared with this very plan.
bool LaneTables::is_settled(const Table& table, const SourceTable& source, const mapping::TablePlan* plan) {
  const auto& record = table.record;
  return table.plan.get() == plan && record.state == TableState::Live && record.backfill.empty() && !table.suspended &&
         !table.refused && table.source != nullptr && table.source->json == source.json &&
         record.description == source.json;
}

// A change without a table: there is nothing to do.
LaneTables::Change LaneTables::planned(Table& table, const SourceTable& source,
                                       std::shared_ptr<const mapping::TablePlan> plan, const Occasion& occasion) {
  Change change;
  change.table = &table;
  change.source = std::make_shared<const SourceTable>(source);
  change.plan = std::move(plan);
  const auto oid = source.oid;
  const auto shape = mapping::to_json(mapping::shape_of(*change.plan));
  change = difference(table, std::move(change), shape, occasion);
  const bool rewritten = contains(occasion.rewritten, oid);
  if (rewritten && change.plan->on_ddl().rewrite == config::OnRewrite::Stop) {
    change.kind = Change::Kind::Stop;
    change.error = copy_error("rewritten", "the source rewrote the table, and on_ddl.rewrite is stop", table.record);
    change.error.remedy = "run `walbridge resync " + table.record.source_name + "`";
  } else if ((rewritten || contains(occasion.requested, oid)) && change.kind != Change::Kind::CopyAgain) {
    change.kind = Change::Kind::CopyAgain;
    change.error = copy_error(rewritten ? "rewritten" : "resync",
                              rewritten ? "the source rewrote the table" : "a copy was asked for", table.record);
  } else if (change.kind == Change::Kind::Keep && table.plan != nullptr && table.record.description == source.json) {
    change.table = nullptr;
  }
  return change;
}

// Whether rows of the new shape can have been taken for rows of the old one.
bool LaneTables::means_otherwise(const Table& table, const Change& change) {
  const auto same_key = table.plan != nullptr && table.plan->key_columns() == change.plan->key_columns();
  return !same_key || names_moved(*table.source, *change.source);
}

LaneTables::Change LaneTables::difference(Table& table, Change change, const std::string& shape,
                                          const Occasion& occasion) {
  const auto& record = table.record;
  const bool new_source = record.description != change.source->json;
  const bool new_shape = !fits(record.shape, shape);
  if (record.state == TableState::Stopped) {
    const bool same_occasion = occasion.at && record.stopped_at == occasion.at;
    if (!table.refused && (same_occasion || !(occasion.first || new_source))) return change;
    change.kind = Change::Kind::CopyAgain;
    change.error = copy_error("recovered", "the table can be carried again", record);
    return change;
  }
  if (record.state == TableState::Pending) {
    // A copy that is under way goes on only if it fills the very same table.
    const auto progress = FillProgress::from_json(record.backfill);
    if (progress && progress->shape == shape && !new_source) return change;
    change.kind = Change::Kind::CopyAgain;
    const bool said = !progress && !record.code.empty();  // nothing was begun that another reason could end
    change.error = !record.snapshot_lsn ? copy_error("new", "the table is new", record)
                   : said               ? copy_error(record.code, record.reason, record)
                   : new_source         ? copy_error("changed", "the table changed at the source", record)
                                        : copy_error("rules-changed", "the rules want another table", record);
    return change;
  }
  if (!new_shape && !new_source) return change;
  if (occasion.late && table.source != nullptr && means_otherwise(table, change)) {
    change.kind = Change::Kind::CopyAgain;
    change.error = copy_error("changed", "names or keys changed their meaning before anybody looked", record);
    return change;
  }
  const auto before = mapping::shape_from_json(record.shape);
  if (!before || table.source == nullptr) {
    change.kind = Change::Kind::CopyAgain;
    change.error = copy_error("changed", "the cache does not say what the table looked like", record);
    return change;
  }
  change.alteration = mapping::alter_table(*before, *table.source, *change.plan, *change.source, change.plan->on_ddl());
  change.kind = change.alteration.copy_again ? Change::Kind::CopyAgain : Change::Kind::Alter;
  if (change.alteration.copy_again) {
    change.error = copy_error(new_source ? "changed" : "rules-changed", change.alteration.reason, record);
  }
  return change;
}

// The table is not planned any more: refused, dropped, or not selected.
LaneTables::Change LaneTables::lost(Table& table, const Error* refusal) {
  Change change;
  const auto& record = table.record;
  const auto* source = source_of(record.source_oid);
  auto policy = table.plan == nullptr ? config_.on_ddl.drop_table : table.plan->on_ddl().drop_table;
  if (table.plan == nullptr && source != nullptr) {
    if (const auto rules = mapping::merge_rules(config_, *source)) policy = rules->on_ddl.drop_table;
  }
  // One that never had rows here leaves nothing worth keeping.
  const bool keeps = policy == config::KeepOrDrop::Keep && record.snapshot_lsn;
  if (refusal == nullptr && !is_relic(record) && !keeps) {
    change.kind = Change::Kind::Drop;
    change.table = &table;
    return change;
  }
  change.refusal = refusal != nullptr;
  if (refusal != nullptr) {
    change.error = *refusal;
  } else if (source == nullptr) {
    change.error = {Verdict::PoisonRow,
                    "dropped",
                    "the table no longer exists at the source",
                    "its rows stay as they were; drop it in the cache, or write on_ddl.drop_table: drop",
                    {}};
  } else {
    change.error = {
        Verdict::PoisonRow,
        "not-selected",
        "the configuration no longer selects this table",
        "its rows stay as they were; to carry it on, write " + source->qualified_name() + " into tables.include",
        {}};
  }
  change.error.table = record.cache_name;
  if (source != nullptr) change.source = std::make_shared<const SourceTable>(*source);
  const bool said = record.state == TableState::Stopped && record.code == change.error.code &&
                    record.reason == sentence(change.error);
  change.kind = Change::Kind::Stop;
  // What it looks like is kept even so: the stream goes on from here when it is carried again.
  const bool described = source == nullptr || record.description == source->json;
  if (!said || !described || table.plan != nullptr) change.table = &table;
  return change;
}

void LaneTables::settle(Change& change) {
  auto& table = *change.table;
  auto& record = table.record;
  retired_.push_back(table.plan);
  table.plan = change.plan;
  table.suspended.reset();
  if (change.source) {
    table.source = change.source;
    record.description = change.source->json;
    record.source_name = change.source->qualified_name();
  } else {  // it is gone at the source
    table.source.reset();
    record.description.clear();
  }
  if (change.kind == Change::Kind::Alter) {
    record.cache_name = table.plan->cache().name;
    record.schema_hash = table.plan->cache().schema_hash;
    record.shape = mapping::to_json(change.alteration.shape);
  }
  index_heaps();
}

void LaneTables::set_filled(Table& table, std::shared_ptr<const CacheTable> filled) {
  retired_.push_back(std::exchange(table.filled, std::move(filled)));
}

void LaneTables::remove(const Table& table) {
  retired_.push_back(table.plan);
  retired_.push_back(table.filled);
  std::erase_if(tables_, [&](const auto& each) { return each.get() == &table; });
  index_heaps();
}

void LaneTables::index_heaps() {
  by_heap_.clear();
  entries_.clear();
  for (const auto& table : tables_) {
    if (table->source == nullptr) continue;
    by_heap_[table->source->oid] = table.get();
    for (const auto& leaf : table->source->leaves) by_heap_[leaf.oid] = table.get();
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
  if (found->second->plan == nullptr) {
    if (!found->second->suspended) return entry.route;
    entry.route.misfit = found->second->suspended;
    entry.route.table = found->second;
    return entry.route;
  }
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

void LaneTables::carry(const Decision& decision, TableRecord& record) {
  record.state = decision.state;
  record.code = decision.error.code;
  record.reason = sentence(decision.error);
  record.stopped_at = decision.at;
  record.backfill.clear();
}

void LaneTables::freeze(Table& table, TableState state, const Error& error, Lsn at) {
  const auto oid = table.record.source_oid;
  std::erase_if(unwritten_, [&](const Decision& decision) { return decision.oid == oid; });
  unwritten_.push_back({oid, state, error, at});
  carry(unwritten_.back(), table.record);
  table.fill.reset();
  table.suspended.reset();
  set_filled(table, nullptr);
}

void LaneTables::stop_behind(Table& table, const Error& error, Lsn at) {
  carry({table.record.source_oid, TableState::Stopped, error, Lsn{at.value + 1}}, table.record);
  table.record.schema_hash.clear();  // no plan has it, so that what is made from the plan does not name it either
  table.fill.reset();
  table.suspended.reset();
}

std::vector<TableRecord> LaneTables::unwritten() const {
  std::vector<TableRecord> records;
  for (const auto& decision : unwritten_) {
    for (const auto& table : tables_) {
      if (table->record.source_oid == decision.oid) records.push_back(table->record);
    }
  }
  return records;
}

void LaneTables::written() {
  unwritten_.clear();
  retired_.clear();
}

LaneTables::Table* LaneTables::find_by_cache_name(const std::string& name) {
  for (const auto& table : tables_) {
    if (table->record.cache_name == name || (table->filled && table->filled->name == name) ||
        (table->plan && table->plan->cache().name == name)) {
      return table.get();
    }
  }
  return nullptr;
}

bool LaneTables::is_relic(const TableRecord& record) {
  return record.state == TableState::Stopped && (record.code == "dropped" || record.code == "not-selected");
}

LaneTables::Table* LaneTables::frozen_under(const std::string& name, const Table& except) {
  for (const auto& table : tables_) {
    const bool frozen = table->record.state != TableState::Live && table->record.snapshot_lsn;
    if (frozen && table.get() != &except && mapping::fold_name(table->record.cache_name) == mapping::fold_name(name)) {
      return table.get();
    }
  }
  return nullptr;
}

LaneTables::Table* LaneTables::find(std::uint32_t source_oid) {
  for (const auto& table : tables_) {
    if (table->record.source_oid == source_oid) return table.get();
  }
  return nullptr;
}

std::vector<mapping::RefusedTable> LaneTables::refused() const {
  auto refused = refused_;
  std::erase_if(refused, [&](const mapping::RefusedTable& each) {
    return std::any_of(tables_.begin(), tables_.end(),
                       [&](const auto& table) { return table->record.source_oid == each.source_oid; });
  });
  return refused;
}

std::vector<TableRecord> LaneTables::states() const {
  std::vector<TableRecord> all;
  all.reserve(tables_.size());
  for (const auto& table : tables_) {
    const auto& record = table->record;
    all.push_back({record.source_oid, record.source_name, record.cache_name, record.state, record.schema_hash,
                   record.snapshot_lsn, record.code, record.reason, record.stopped_at});
    all.back().backfill = record.backfill;
  }
  return all;
}

}  // namespace walbridge::pipeline
