#include "sink-libsql/cache_catalog.h"

#include <strings.h>

#include <algorithm>
#include <array>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/system_tables.h"

namespace walbridge::sink_libsql {
namespace {

constexpr std::string_view kIndexMark = " /* walbridge */";
constexpr std::string_view kRebuildPrefix = "_walbridge_new_";
// Tables that a full-text or a vector index keeps beside itself.
constexpr std::array<std::string_view, 7> kShadows = {"_data",   "_idx",    "_content",   "_docsize",
                                                      "_config", "_shadow", "_shadow_idx"};

bool is_shadow(std::string_view name, std::string_view of) {
  return name.size() > of.size() && same_name(name.substr(0, of.size()), of) &&
         std::find(kShadows.begin(), kShadows.end(), name.substr(of.size())) != kShadows.end();
}

// Past the end of the quoted name that begins at `at`.
std::size_t end_of_name(std::string_view sql, std::size_t at) {
  for (std::size_t i = at + 1; i < sql.size(); ++i) {
    if (sql[i] != '"') continue;
    if (i + 1 == sql.size() || sql[i + 1] != '"') return i + 1;
    ++i;
  }
  return sql.size();
}

// Past the end of the column that begins at `at`: at the comma or the bracket that ends it.
std::size_t end_of_column(std::string_view sql, std::size_t at) {
  int depth = 0;
  while (at < sql.size()) {
    const char c = sql[at];
    if (c == '"' || c == '\'' || c == '`') {
      at = sql.find(c, at + 1);
      if (at == std::string_view::npos) return sql.size();
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' || c == ',') {
      if (depth == 0) return at;
      if (c == ')') --depth;
    }
    ++at;
  }
  return at;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

const SchemaObject* CacheCatalog::find(std::string_view name) const {
  const auto found = std::find_if(objects_.begin(), objects_.end(), [&](const auto& each) {
    return each.type != "trigger" && same_name(each.name, name);
  });
  return found == objects_.end() ? nullptr : &*found;
}

const SchemaObject* CacheCatalog::find_trigger(std::string_view name) const {
  const auto found = std::find_if(objects_.begin(), objects_.end(), [&](const auto& each) {
    return each.type == "trigger" && same_name(each.name, name);
  });
  return found == objects_.end() ? nullptr : &*found;
}

const SchemaObject* CacheCatalog::find_like(const SchemaObject& object) const {
  return object.type == "trigger" ? find_trigger(object.name) : find(object.name);
}

const SchemaObject* CacheCatalog::find_table(std::string_view name) const {
  const auto* object = find(name);
  return object != nullptr && object->type == "table" ? object : nullptr;
}

std::vector<SchemaObject> CacheCatalog::of_table(std::string_view table, std::string_view type) const {
  std::vector<SchemaObject> found;
  for (const auto& object : objects_) {
    if (object.type == type && same_name(object.table, table)) found.push_back(object);
  }
  return found;
}

bool CacheCatalog::is_own(std::string_view table) const {
  return is_hidden(table) ||
         std::any_of(own_tables_.begin(), own_tables_.end(), [&](const auto& own) { return same_name(own, table); });
}

bool CacheCatalog::is_hidden(std::string_view table) const {
  return is_backfill_table(stream_, table) || is_load_table(stream_, table) || table.starts_with(kRebuildPrefix);
}

void CacheCatalog::remove(std::string_view name) {
  const std::string gone(name);
  for (const auto& index : of_table(gone, "index")) {
    if (!same_name(index.name, gone)) remove(index.name);
  }
  std::erase_if(objects_, [&](const auto& each) {
    if (each.type == "trigger") return same_name(each.table, gone);
    return same_name(each.name, gone) || same_name(each.table, gone) || is_shadow(each.name, gone);
  });
}

void CacheCatalog::remove_trigger(std::string_view name) {
  const std::string gone(name);
  std::erase_if(objects_, [&](const auto& each) { return each.type == "trigger" && same_name(each.name, gone); });
}

void CacheCatalog::rename_table(std::string_view table, const std::string& to) {
  forget_texts(table);
  const bool own = is_own(table);
  for (auto& object : objects_) {
    if (!same_name(object.table, table)) continue;
    if (object.type == "table") object.name = to;
    object.table = to;
  }
  if (own && !is_hidden(to)) claim(to);
}

void CacheCatalog::forget_texts(std::string_view table) {
  for (auto& object : objects_) {
    const bool rewritten = object.type == "trigger" || (object.type == "index" && same_name(object.table, table));
    if (rewritten && full_text_of(object).empty() && !has_index_mark(object)) object.sql.clear();
  }
}

std::string with_index_mark(std::string create_index, std::string_view index, std::string_view table) {
  const auto head = quote_identifier(index) + " ON " + quote_identifier(table);
  const auto at = create_index.find(head);
  return at == std::string::npos ? create_index : create_index.insert(at + head.size(), kIndexMark);
}

bool has_index_mark(const SchemaObject& index) { return index.sql.find(kIndexMark) != std::string::npos; }

std::string without_index_mark(std::string create_index) {
  const auto at = create_index.find(kIndexMark);
  return at == std::string::npos ? create_index : create_index.erase(at, kIndexMark.size());
}

std::string_view full_text_of(const SchemaObject& trigger) {
  if (trigger.type != "trigger") return {};
  for (const char* event : {"INSERT", "UPDATE", "DELETE"}) {
    const auto prefix = full_text_trigger_name(event, "");
    if (trigger.name.starts_with(prefix)) return std::string_view(trigger.name).substr(prefix.size());
  }
  return {};
}

std::vector<std::string> quoted_names(std::string_view list) {
  std::vector<std::string> names;
  for (auto at = list.find('"'); at < list.size(); at = list.find('"', at)) {
    const auto end = end_of_name(list, at);
    names.emplace_back(list.substr(at, end - at));
    at = end;
  }
  return names;
}

std::vector<std::string> stored_columns(std::string_view create_table) {
  std::vector<std::string> columns;
  auto at = create_table.find('"');
  at = create_table.find('(', at == std::string_view::npos ? 0 : end_of_name(create_table, at));
  while (at < create_table.size() && create_table[at] != ')') {
    const auto first = create_table.find_first_not_of(" \n\t", at + 1);
    const auto end = end_of_column(create_table, at + 1);
    if (first < end && create_table[first] == '"') {
      const auto definition = create_table.substr(first, end - first);
      const auto name = definition.substr(0, end_of_name(definition, 0));
      if (definition.find(" AS (") == std::string_view::npos) columns.emplace_back(name);
    }
    at = end;
  }
  return columns;
}

}  // namespace walbridge::sink_libsql
