#include "source-pg/relation_cache.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace walbridge::source_pg {
namespace {

// "an empty string for pg_catalog"
std::string_view schema_of(const pgoutput::Relation& message) {
  return message.schema.empty() ? std::string_view("pg_catalog") : message.schema;
}

bool same_column(const Relation::Column& known, const pgoutput::RelationColumn& column) {
  return known.key == column.key && known.type_oid == column.type_oid && known.typmod == column.typmod &&
         known.name == column.name;
}

bool same(const Relation& known, const pgoutput::Relation& message) {
  return known.name == message.name && known.schema == schema_of(message) &&
         known.replica_identity == message.replica_identity &&
         std::equal(known.columns.begin(), known.columns.end(), message.columns.begin(), message.columns.end(),
                    same_column);
}

std::shared_ptr<const Relation> make_relation(const pgoutput::Relation& message) {
  auto relation = std::make_shared<Relation>();
  relation->oid = message.oid;
  relation->schema = schema_of(message);
  relation->name = message.name;
  relation->replica_identity = message.replica_identity;
  relation->columns.reserve(message.columns.size());
  for (const pgoutput::RelationColumn& column : message.columns) {
    relation->columns.push_back({std::string(column.name), column.type_oid, column.typmod, column.key});
  }
  return relation;
}

}  // namespace

void RelationCache::announce(const pgoutput::Relation& message) {
  Entry& entry = entries_[message.oid];
  entry.announced_in = session_;
  if (entry.relation && same(*entry.relation, message)) return;
  entry.relation = make_relation(message);
  entry.kept_alive_by = 0;
}

RelationCache::Entry* RelationCache::find(std::uint32_t oid) {
  if (last_found_ == nullptr || last_found_->relation->oid != oid) {
    const auto found = entries_.find(oid);
    if (found == entries_.end()) return nullptr;
    last_found_ = &found->second;  // nodes of an unordered_map do not move
  }
  return last_found_->announced_in == session_ ? last_found_ : nullptr;
}

void RelationCache::forget_announcements() { ++session_; }

}  // namespace walbridge::source_pg
