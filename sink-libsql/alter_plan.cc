#include "sink-libsql/alter_plan.h"

#include <algorithm>

#include "pipeline/api/cache_sql.h"

namespace walbridge::sink_libsql {
namespace {

using Kind = SchemaStep::Kind;

constexpr const char* kBetweenNames = "_walbridge_new_name";  // of a rename that only changes case

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const auto& each) { return same_name(each, name); });
}

// Once these run, the cache looks at every view and trigger it has.
bool checks_views(const SchemaStep& step) {
  return step.kind == Kind::RenameTable || step.kind == Kind::DropColumn || step.kind == Kind::RenameColumn;
}

Error name_taken(const std::string& table, const std::string& name) {
  return {Verdict::PoisonRow, "table-exists",
          "the cache has a table, index or view " + quote_identifier(name) + " that is not this stream's",
          "give the table another name in the cache with `as:` in a rule, or drop what is there", table};
}

// Of the text create_index_sql() makes for the FTS5 table.
CacheIndex full_text_index(const SchemaObject& fts) {
  CacheIndex index;
  index.kind = CacheIndex::Kind::FullText;
  index.name = fts.name;
  const auto from = fts.sql.find("fts5(");
  const auto to = fts.sql.rfind(", content=");
  if (from != std::string::npos && to != std::string::npos && from + 5 < to) {
    index.parts = quoted_names(std::string_view(fts.sql).substr(from + 5, to - from - 5));
  }
  return index;
}

std::string full_text_key(const SchemaObject& fts) {
  constexpr std::string_view kOption = "content_rowid='";
  const auto from = fts.sql.rfind(kOption);
  std::string key;
  if (from == std::string::npos) return key;
  for (auto at = from + kOption.size(); at < fts.sql.size(); ++at) {
    if (fts.sql[at] == '\'' && (at + 1 == fts.sql.size() || fts.sql[++at] != '\'')) break;
    key += fts.sql[at];
  }
  return key;
}

}  // namespace

SchemaStep create_index_step(const CacheTable& table, const CacheIndex& index) {
  SchemaStep step;
  step.kind = Kind::CreateIndex;
  step.table = table.name;
  step.definition = table;
  step.index = index;
  return step;
}

SchemaStep drop_table_step(const std::string& table) {
  SchemaStep step;
  step.kind = Kind::DropTable;
  step.table = table;
  return step;
}

SchemaStep rename_table_step(const std::string& table, const std::string& to) {
  SchemaStep step;
  step.kind = Kind::RenameTable;
  step.table = table;
  step.to = to;
  return step;
}

Error schema_refused(const std::string& table, std::string_view message) {
  return {Verdict::PoisonRow, "schema-refused",
          "table " + quote_identifier(table) + ": the cache refused a change of its schema: " + std::string(message),
          "correct the rule that the message is about, or drop what stands in the way in the cache; "
          "then copy the table again",
          table};
}

Result<std::vector<PlannedStatement>> AlterPlan::statements(std::span<const SchemaStep> steps) {
  statements_.clear();
  own_indexes_gone_.clear();
  if (steps.empty()) return std::move(statements_);
  table_ = steps.front().table;
  make_room(steps);
  for (const auto& step : steps) {
    table_ = known_name(step, steps);
    WALBRIDGE_TRY(plan(step));
  }
  for (auto& statement : user_objects_.bring_back(table_)) statements_.push_back(std::move(statement));
  return std::move(statements_);
}

// A table that no reader knows yet is called by the name it is about to get.
std::string AlterPlan::known_name(const SchemaStep& step, std::span<const SchemaStep> steps) const {
  if (!catalog_.is_hidden(step.table)) return step.table;
  const auto renames = std::find_if(steps.begin(), steps.end(), [&](const auto& each) {
    return each.kind == Kind::RenameTable && each.table == step.table;
  });
  return renames == steps.end() ? step.table : renames->to;
}

void AlterPlan::make_room(std::span<const SchemaStep> steps) {
  if (std::any_of(steps.begin(), steps.end(), checks_views)) {
    for (auto& sql : user_objects_.set_views_aside()) write(std::move(sql));
  }
  const auto objects = catalog_.objects();
  for (const auto& object : objects) {
    if (lessons_.stands_in_the_way(object) && catalog_.find_like(object) != nullptr)
      write(user_objects_.set_aside(object, false));
  }
}

Status AlterPlan::plan(const SchemaStep& step) {
  switch (step.kind) {
    case Kind::CreateTable:
      return create_table(step);
    case Kind::DropTable:
      drop_table(step.table);
      return {};
    case Kind::RenameTable:
      return rename_table(step);
    case Kind::AddColumn:
      write(add_column_sql(step.table, step.column, step.fill));
      return {};
    case Kind::AddComputed:
      write(add_computed_sql(step.table, step.computed));
      // SQLite looks at the expression when somebody reads the column, and then the whole table is out of order.
      write("SELECT " + quote_identifier(step.computed.name) + " FROM " + quote_identifier(step.table) + " LIMIT 0");
      return {};
    case Kind::DropColumn:
      write("ALTER TABLE " + quote_identifier(step.table) + " DROP COLUMN " + quote_identifier(step.name));
      return {};
    case Kind::RenameColumn:
      write("ALTER TABLE " + quote_identifier(step.table) + " RENAME COLUMN " + quote_identifier(step.name) + " TO " +
            quote_identifier(step.to));
      catalog_.forget_texts(step.table);
      return {};
    case Kind::CreateIndex:
      return create_index(step);
    case Kind::DropIndex:
      drop_index(step);
      return {};
    case Kind::Execute:
      write(step.sql);
      return {};
  }
  return {};
}

Status AlterPlan::create_table(const SchemaStep& step) {
  if (catalog_.find(step.table) != nullptr) {
    if (catalog_.find_table(step.table) == nullptr || !catalog_.is_own(step.table))
      return name_taken(step.table, step.table);
    drop_table(step.table);
  }
  auto sql = create_table_sql(step.definition, step.table);
  write(sql);
  // Only who reads it finds a computed column that needs itself.
  if (!step.definition.computed.empty()) write("SELECT * FROM " + quote_identifier(step.table) + " LIMIT 0");
  catalog_.add({"table", step.table, step.table, std::move(sql)});
  catalog_.claim(step.table);
  return {};
}

void AlterPlan::drop_table(const std::string& table) {
  if (catalog_.find_table(table) == nullptr || !catalog_.is_own(table)) return;
  for (const auto& trigger : catalog_.of_table(table, "trigger")) {
    const std::string full_text(full_text_of(trigger));
    if (full_text.empty()) {
      user_objects_.set_aside(trigger, true);
    } else if (catalog_.find_table(full_text) != nullptr) {
      own_indexes_gone_.push_back(full_text);
      write("DROP TABLE " + quote_identifier(full_text));
      catalog_.remove(full_text);
    }
  }
  for (const auto& index : catalog_.of_table(table, "index")) {
    if (has_index_mark(index)) {
      own_indexes_gone_.push_back(index.name);
    } else if (!index.name.starts_with("sqlite_autoindex_")) {
      user_objects_.set_aside(index, true);
    }
  }
  write("DROP TABLE " + quote_identifier(table));
  catalog_.remove(table);
}

Status AlterPlan::rename_table(const SchemaStep& step) {
  const auto* taken = catalog_.find(step.to);
  if (same_name(step.table, step.to)) {
    if (step.table == step.to) return {};
    rename(step.table, kBetweenNames);
    rename(kBetweenNames, step.to);
    return {};
  }
  if (taken != nullptr) {
    if (taken->type != "table" || !catalog_.is_hidden(step.to)) return name_taken(table_, step.to);
    drop_table(step.to);
  }
  rename(step.table, step.to);
  return {};
}

// A full-text table reads its table by name, which no rename follows: it is made again.
void AlterPlan::rename(const std::string& from, const std::string& to) {
  std::vector<SchemaObject> full_texts;
  for (const auto& trigger : catalog_.of_table(from, "trigger")) {
    const auto* fts = catalog_.find_table(full_text_of(trigger));
    if (fts == nullptr) continue;
    full_texts.push_back(*fts);
    for (const auto& sql : drop_index_sql(full_text_index(*fts), fts->name)) write(sql);
    const auto name = fts->name;
    for (const char* event : {"INSERT", "UPDATE", "DELETE"})
      catalog_.remove_trigger(full_text_trigger_name(event, name));
    catalog_.remove(name);
  }
  write("ALTER TABLE " + quote_identifier(from) + " RENAME TO " + quote_identifier(to));
  catalog_.rename_table(from, to);
  for (const auto& fts : full_texts) {
    CacheTable table;
    table.name = to;
    table.columns = {{full_text_key(fts), "", CacheColumn::Form::Plain}};
    table.key = {0};
    make_index(table, full_text_index(fts), fts.name);
  }
}

Status AlterPlan::create_index(const SchemaStep& step) {
  const auto name = free_index_name(step.table, step.index);
  if (name.empty()) {
    return Error{Verdict::PoisonRow, "index-exists",
                 "no name is left for an index of table " + quote_identifier(step.table) + ": " +
                     quote_identifier(step.index.name) + " is taken",
                 "drop or rename what has this name in the cache", step.table};
  }
  CacheTable table = step.definition;
  table.name = step.table;
  make_index(table, step.index, name);
  return {};
}

void AlterPlan::make_index(const CacheTable& table, const CacheIndex& index, const std::string& name) {
  auto sqls = create_index_sql(table, index, name);
  if (index.kind == CacheIndex::Kind::FullText) {
    catalog_.add({"table", name, name, sqls.front()});
    for (const char* event : {"INSERT", "UPDATE", "DELETE"})
      catalog_.add({"trigger", full_text_trigger_name(event, name), table.name, ""});
  } else {
    sqls.front() = with_index_mark(sqls.front(), name, table.name);
    catalog_.add({"index", name, table.name, sqls.front()});
  }
  for (auto& sql : sqls) write(std::move(sql));
}

// Its own name, or with the table's in front. A user's index that waits to come back does not hold its name against us,
// unless ours went by the other name before.
std::string AlterPlan::free_index_name(const std::string& table, const CacheIndex& index) const {
  const auto longer = table + "_" + index.name;
  const auto is_free = [&](const std::string& name) {
    if (catalog_.find(name) != nullptr) return false;
    if (index.kind != CacheIndex::Kind::FullText) return true;
    return std::none_of(catalog_.objects().begin(), catalog_.objects().end(), [&](const auto& object) {
      return object.name.size() > name.size() && object.name.starts_with(name + "_") && object.type == "table" &&
             (object.name.ends_with("_data") || object.name.ends_with("_idx") || object.name.ends_with("_docsize") ||
              object.name.ends_with("_config"));
    });
  };
  const bool was_longer = contains(own_indexes_gone_, longer) && !contains(own_indexes_gone_, index.name);
  if (is_free(index.name) && !was_longer) return index.name;
  return is_free(longer) ? longer : std::string();
}

// The name that CreateIndex once gave it; empty: it is not there.
std::string AlterPlan::made_index_name(const std::string& table, const CacheIndex& index) const {
  std::string unmarked;
  std::string renamed;  // its table had another name then
  for (const auto& object : catalog_.objects()) {
    if (!same_name(object.table, table)) continue;
    const auto full_text = full_text_of(object);
    const bool is_text = index.kind == CacheIndex::Kind::FullText;
    if (is_text ? full_text.empty() : object.type != "index") continue;
    const auto name = is_text ? std::string(full_text) : object.name;
    const bool ours = is_text || has_index_mark(object);
    if (same_name(name, index.name) || same_name(name, table + "_" + index.name)) {
      if (ours) return name;
      unmarked = name;
    } else if (ours && name.ends_with("_" + index.name)) {
      renamed = name;
    }
  }
  return unmarked.empty() ? renamed : unmarked;
}

void AlterPlan::drop_index(const SchemaStep& step) {
  const auto name = made_index_name(step.table, step.index);
  if (name.empty()) return;
  for (const auto& sql : drop_index_sql(step.index, name)) write(sql);
  if (step.index.kind == CacheIndex::Kind::FullText) {
    for (const char* event : {"INSERT", "UPDATE", "DELETE"})
      catalog_.remove_trigger(full_text_trigger_name(event, name));
  }
  catalog_.remove(name);
}

}  // namespace walbridge::sink_libsql
