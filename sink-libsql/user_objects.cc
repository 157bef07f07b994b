#include "sink-libsql/user_objects.h"

#include <algorithm>
#include <cctype>

#include "pipeline/api/cache_sql.h"
#include "pipeline/api/log.h"

namespace walbridge::sink_libsql {
namespace {

std::string folded(std::string_view text) {
  std::string lower(text);
  for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// "error in trigger tr: no such column: a", "it is referenced in the index ib; …": type and name, next to each other.
bool names_object(std::string_view message, const SchemaObject& object) {
  const auto wanted = folded(object.type + " " + object.name);
  const auto at = folded(message).find(wanted);
  if (at == std::string::npos) return false;
  const auto after = at + wanted.size();
  return after == message.size() ||
         (std::isalnum(static_cast<unsigned char>(message[after])) == 0 && message[after] != '_');
}

bool is_of_the_user(const SchemaObject& object) {
  return object.type != "table" && !object.sql.empty() && !object.name.starts_with("_walbridge_");
}

int rank(const SchemaObject& object) { return object.type == "view" ? 0 : object.type == "index" ? 1 : 2; }

}  // namespace

bool AlterLessons::learn(const PlannedStatement& failed, std::string_view message, const CacheCatalog& catalog) {
  if (!failed.object.empty()) {
    if (cannot_return(failed.object)) return false;
    give_up(failed.object, message);
    return true;
  }
  const auto size_before = in_the_way_.size();
  for (const auto& object : catalog.objects()) {
    if (is_of_the_user(object) && names_object(message, object) && !stands_in_the_way(object))
      in_the_way_.push_back(object.name);
  }
  return in_the_way_.size() > size_before;
}

bool AlterLessons::stands_in_the_way(const SchemaObject& object) const {
  return std::any_of(in_the_way_.begin(), in_the_way_.end(),
                     [&](const auto& name) { return same_name(name, object.name); });
}

bool AlterLessons::cannot_return(std::string_view name) const {
  return std::any_of(lost_.begin(), lost_.end(), [&](const auto& lost) { return same_name(lost.name, name); });
}

void AlterLessons::give_up(const std::string& name, std::string_view why) {
  if (!cannot_return(name)) lost_.push_back({name, std::string(why)});
}

void AlterLessons::tell(const std::string& cache) const {
  for (const auto& lost : lost_) {
    log::warn("an index or trigger that walbridge did not make no longer fits its table and was dropped",
              {{"cache", cache}, {"name", lost.name}, {"reason", lost.why}});
  }
}

void AlterLessons::clear() {
  in_the_way_.clear();
  lost_.clear();
}

std::string UserObjects::set_aside(const SchemaObject& object, bool goes_with_table) {
  auto sql = goes_with_table ? std::string() : "DROP " + object.type + " " + quote_identifier(object.name);
  waiting_.push_back(object);
  const auto name = object.name;
  if (object.type == "trigger") {
    catalog_.remove_trigger(name);
  } else {
    catalog_.remove(name);
  }
  return sql;
}

std::vector<std::string> UserObjects::set_views_aside() {
  std::vector<std::string> drops;
  const auto objects = catalog_.objects();
  for (const auto& view : objects) {
    if (view.type != "view" || !is_of_the_user(view)) continue;
    for (const auto& trigger : catalog_.of_table(view.name, "trigger")) set_aside(trigger, true);
    drops.push_back(set_aside(view, false));
  }
  return drops;
}

std::vector<PlannedStatement> UserObjects::bring_back(const std::string& table) {
  std::vector<PlannedStatement> statements;
  std::stable_sort(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) { return rank(a) < rank(b); });
  for (const auto& object : waiting_) {
    if (!may_return(object)) continue;
    catalog_.add(object);
    statements.push_back({object.sql, table, object.name});
    if (object.type == "trigger") probe(object, table, statements);
  }
  waiting_.clear();
  return statements;
}

bool UserObjects::may_return(const SchemaObject& object) {
  if (lessons_.cannot_return(object.name)) return false;
  if (object.type != "view" && catalog_.find(object.table) == nullptr) return false;  // went with its table
  if (const auto* taken = catalog_.find_like(object)) {
    // On caches where the mark is lost, and on those of earlier versions, this is our own index, made anew.
    if (without_index_mark(taken->sql) != object.sql) lessons_.give_up(object.name, "its name is taken");
    return false;
  }
  if (object.sql.empty()) {
    lessons_.give_up(object.name, "its table changed its name or a column's in the same transaction");
    return false;
  }
  return true;
}

// SQLite compiles a trigger when it fires, which would be too late. These statements compile it and touch no row.
void UserObjects::probe(const SchemaObject& trigger, const std::string& table,
                        std::vector<PlannedStatement>& statements) const {
  const auto* on = catalog_.find_table(trigger.table);
  if (on == nullptr) return;
  const auto name = quote_identifier(on->name);
  statements.push_back({"DELETE FROM " + name + " WHERE 0", table, trigger.name});
  const auto columns = stored_columns(on->sql);
  if (columns.empty()) return;
  std::string set;
  for (const auto& column : columns) set += (set.empty() ? "" : ", ") + column + " = " + column;
  statements.push_back({"UPDATE " + name + " SET " + set + " WHERE 0", table, trigger.name});
  const auto& first = columns.front();
  statements.push_back(
      {"INSERT INTO " + name + " (" + first + ") SELECT " + first + " FROM " + name + " WHERE 0", table, trigger.name});
}

}  // namespace walbridge::sink_libsql
