#include "mapping/alteration.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mapping/column_change.h"
#include "mapping/computed_change.h"
#include "mapping/names.h"
#include "mapping/schema_steps.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

// Rows that a rebuild may move inside the transaction that holds up the stream; more are copied beside it.
constexpr double kMostRowsRebuilt = 200'000;

constexpr std::string_view kNotNull = " NOT NULL";

bool is_not_null(const std::string& decl) { return decl.find(kNotNull) != std::string::npos; }

std::string without_not_null(std::string decl) {
  if (const auto at = decl.find(kNotNull); at != std::string::npos) decl.erase(at, kNotNull.size());
  return decl;
}

class Planner {
 public:
  Planner(const TableShape& before, const SourceTable& was, const TablePlan& after, const SourceTable& now,
          const config::OnDdl& policy)
      : before_(before), was_(was), plan_(after), now_(now), policy_(policy), after_(shape_of(after)) {}

  Alteration run() {
    done_.shape = after_;
    if (auto compared = compare(); !compared) {
      done_.steps.clear();
      done_.new_leaves.clear();
      done_.copy_again = true;
      done_.reason = std::move(compared.error().message);
      return std::move(done_);
    }
    done_.shape.kept = kept_;
    const auto derived = derived_change(before_, after_, renames_, lost_);
    find_leaves();
    if (rebuild_.empty()) {
      alter(derived);
    } else {
      rebuild(derived);
    }
    say_new_losses();
    return std::move(done_);
  }

 private:
  static Error copy(std::string why) { return {Verdict::PoisonRow, "copy", std::move(why), {}}; }

  Status compare() {
    if (before_.rows != after_.rows) {
      return copy("other rows belong into the cache now: its filter, mode or soft delete changed");
    }
    for (std::size_t i = 0; i < after_.columns.size(); ++i) {
      WALBRIDGE_TRY_AS(auto change, column_change(before_, was_, plan_, after_, now_, i, done_.arena));
      WALBRIDGE_TRY(judge(i, change));
      changes_.push_back(std::move(change));
    }
    find_lost();
    if (key_of(before_) != key_of(after_) || before_.rowid_key != after_.rowid_key) rebuild_ = "its key changed";
    if (!rebuild_.empty() && now_.estimated_rows > kMostRowsRebuilt) {
      return copy(fmt::format("{}, and about {:.0f} rows are too many to move at once", rebuild_, now_.estimated_rows));
    }
    return {};
  }

  // What one column asks of the table as a whole.
  Status judge(std::size_t position, const ColumnChange& change) {
    const auto& column = after_.columns[position];
    if (change.before < 0) {
      const bool null = change.fill.kind == SqlValue::Kind::Null;
      if (null && is_not_null(column.decl)) rebuild_ = fmt::format("column {} is new and NOT NULL", column.name);
      // The default of a column must be a constant, jsonb('…') is a call.
      if (!null && plan_.cache().columns[position].form == CacheColumn::Form::Jsonb) {
        rebuild_ = fmt::format("column {} is new and holds JSONB", column.name);
      }
      return {};
    }
    const auto& old = before_.columns[static_cast<std::size_t>(change.before)];
    if (old.name != column.name) renames_[old.name] = column.name;
    // Nobody but the encoding knows how a mark or a leaf is written.
    if (change.declared_anew && column.attnum == 0) return copy(fmt::format("column {} is another one", column.name));
    if (change.declared_anew) rebuild_ = fmt::format("column {} is declared anew", column.name);
    const bool in_key = std::find(after_.key.begin(), after_.key.end(), position) != after_.key.end();
    if (in_key && change.recode.changes()) rebuild_ = fmt::format("key column {} is written anew", column.name);
    return {};
  }

  bool is_taken(const std::string& name) const {
    const auto same = [&](const auto& each) { return fold_name(each.name) == fold_name(name); };
    return std::any_of(after_.columns.begin(), after_.columns.end(), same) ||
           std::any_of(after_.computed.begin(), after_.computed.end(), same);
  }

  // Stored columns that the plan no longer has. Only what the source itself dropped may be kept: what a rule takes out
  // of a cache is not wanted there.
  void find_lost() {
    for (std::size_t i = 0; i < before_.columns.size(); ++i) {
      const bool stays = std::any_of(changes_.begin(), changes_.end(),
                                     [&](const ColumnChange& each) { return each.before == static_cast<int>(i); });
      if (stays) continue;
      const auto& column = before_.columns[i];
      const bool dropped = column.role.empty() && find_column(now_, column.attnum) == nullptr;
      keep_or_lose(column, dropped);
    }
    for (const auto& column : before_.kept) keep_or_lose(column, true);
  }

  void keep_or_lose(const TableShape::Column& column, bool dropped) {
    if (!dropped || policy_.drop_column == config::KeepOrDrop::Drop || is_taken(column.name)) {
      lost_.push_back(column.name);
      return;
    }
    auto kept = column;
    kept.decl = without_not_null(kept.decl);
    if (kept.decl != column.decl) rebuild_ = fmt::format("column {} is kept and may be NULL from now on", column.name);
    kept_.push_back(std::move(kept));
  }

  static std::vector<std::pair<std::int16_t, std::string>> key_of(const TableShape& shape) {
    std::vector<std::pair<std::int16_t, std::string>> key;
    for (const auto position : shape.key)
      key.emplace_back(shape.columns[position].attnum, shape.columns[position].role);
    return key;
  }

  void find_leaves() {
    if (plan_.leaf_column() < 0) return;
    const auto holds = [](const SourceTable& table, std::uint32_t oid) {
      return std::any_of(table.leaves.begin(), table.leaves.end(), [&](const auto& leaf) { return leaf.oid == oid; });
    };
    for (const auto& leaf : now_.leaves) {
      if (!holds(was_, leaf.oid)) done_.new_leaves.push_back(leaf.oid);
    }
    for (const auto& leaf : was_.leaves) {
      if (holds(now_, leaf.oid)) continue;
      if (plan_.append_only()) {
        done_.notes.push_back(fmt::format("partition {} is gone; in mode append its rows stay", leaf.name));
      } else {
        gone_ += (gone_.empty() ? "" : ", ") + std::to_string(leaf.oid);
      }
    }
  }

  void delete_gone(const std::string& table) {
    if (gone_.empty()) return;
    const auto& leaf = plan_.cache().columns[static_cast<std::size_t>(plan_.leaf_column())].name;
    done_.steps.push_back(steps::execute(
        table, fmt::format("DELETE FROM {} WHERE {} IN ({})", quote_identifier(table), quote_identifier(leaf), gone_)));
  }

  void alter(const DerivedChange& derived) {
    auto& list = done_.steps;
    for (const auto& index : derived.drop_indexes) list.push_back(steps::drop_index(before_.name, index));
    for (const auto& computed : derived.drop_computed) list.push_back(steps::drop_column(before_.name, computed.name));
    const auto& table = after_.name;
    if (before_.name != table) list.push_back(steps::rename_table(before_.name, table));
    for (const auto& name : lost_) list.push_back(steps::drop_column(table, name));
    rename_columns(derived);
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      if (changes_[i].before < 0) list.push_back(steps::add_column(table, plan_.cache().columns[i], changes_[i].fill));
    }
    delete_gone(table);
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const auto& recode = changes_[i].recode;
      if (!recode.changes()) continue;
      const auto column = quote_identifier(after_.columns[i].name);
      list.push_back(steps::execute(table, fmt::format("UPDATE {} SET {} = {} WHERE {}", quote_identifier(table),
                                                       column, recode.sql(column), recode.where(column))));
    }
    for (const auto& computed : derived.add_computed) list.push_back(steps::add_computed(table, computed));
    for (const auto& index : derived.create_indexes) list.push_back(steps::create_index(table, index));
  }

  // Each as soon as its new name is free; in a circle one of them steps aside first.
  void rename_columns(const DerivedChange& derived) {
    std::vector<std::pair<std::string, std::string>> open(renames_.begin(), renames_.end());
    std::vector<std::string> names;
    for (const auto& column : before_.columns) names.push_back(fold_name(column.name));
    for (const auto& column : before_.kept) names.push_back(fold_name(column.name));
    for (const auto& computed : before_.computed) names.push_back(fold_name(computed.name));
    for (const auto& name : lost_) std::erase(names, fold_name(name));
    for (const auto& computed : derived.drop_computed) std::erase(names, fold_name(computed.name));
    const auto rename = [&](const std::string& from, const std::string& to) {
      done_.steps.push_back(steps::rename_column(after_.name, from, to));
      std::erase(names, fold_name(from));
      names.push_back(fold_name(to));
    };
    for (std::size_t aside = 0; !open.empty() && aside <= renames_.size();) {
      const auto free = std::find_if(open.begin(), open.end(), [&](const auto& each) {
        return fold_name(each.first) == fold_name(each.second) ||
               std::find(names.begin(), names.end(), fold_name(each.second)) == names.end();
      });
      if (free != open.end()) {
        rename(free->first, free->second);
        open.erase(free);
      } else {
        const auto parked = fmt::format("_walbridge_aside_{}", ++aside);
        rename(open.front().first, parked);
        open.front().first = parked;
      }
    }
  }

  void rebuild(const DerivedChange&) {
    auto& list = done_.steps;
    auto definition = under_name(plan_.cache(), fmt::format("_walbridge_new_{}", now_.oid));
    std::string columns;
    std::string values;
    const auto copy_value = [&](const std::string& column, const std::string& value) {
      columns += (columns.empty() ? "" : ", ") + quote_identifier(column);
      values += (values.empty() ? "" : ", ") + value;
    };
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const auto& change = changes_[i];
      if (change.before >= 0) {
        const auto& old = before_.columns[static_cast<std::size_t>(change.before)].name;
        copy_value(after_.columns[i].name, change.recode.sql(quote_identifier(old)));
        continue;
      }
      const bool jsonb = plan_.cache().columns[i].form == CacheColumn::Form::Jsonb;
      const auto fill = literal_sql(change.fill);
      copy_value(after_.columns[i].name, jsonb && fill != "NULL" ? "jsonb(" + fill + ")" : fill);
    }
    for (const auto& column : kept_) {
      definition.columns.push_back({column.name, column.decl, CacheColumn::Form::Plain});
      copy_value(column.name, quote_identifier(column.name));
    }
    const auto made = definition.name;
    delete_gone(before_.name);
    list.push_back(steps::create_table(std::move(definition)));
    list.push_back(steps::execute(made, fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}", quote_identifier(made),
                                                    columns, values, quote_identifier(before_.name))));
    list.push_back(steps::drop_table(before_.name));
    list.push_back(steps::rename_table(made, after_.name));
    for (const auto& index : after_.indexes) list.push_back(steps::create_index(after_.name, index));
  }

  // What the source got and the cache does not repeat.
  void say_new_losses() {
    const auto is_new = [&](const NotCarried& loss) {
      if (loss.what == "index") {
        return std::none_of(was_.indexes.begin(), was_.indexes.end(),
                            [&](const auto& i) { return i.name == loss.name; });
      }
      if (loss.what == "constraint") {
        return std::none_of(was_.constraints.begin(), was_.constraints.end(),
                            [&](const auto& each) { return each.name == loss.name; });
      }
      return std::none_of(was_.columns.begin(), was_.columns.end(), [&](const auto& c) { return c.name == loss.name; });
    };
    for (const auto& loss : plan_.not_carried()) {
      if (is_new(loss)) done_.notes.push_back(fmt::format("{} {}: {}", loss.what, loss.name, loss.reason));
    }
    for (const auto& column : now_.columns) {
      const auto* old = find_column(was_, column.attnum);
      if (old == nullptr || column.generated || old->expression == column.expression) continue;
      done_.notes.push_back(fmt::format("the default of column {} changed: the cache has none", column.name));
    }
  }

  const TableShape& before_;
  const SourceTable& was_;
  const TablePlan& plan_;
  const SourceTable& now_;
  const config::OnDdl& policy_;
  const TableShape after_;
  Alteration done_;
  std::vector<ColumnChange> changes_;  // one per column of after_
  Renames renames_;
  std::vector<std::string> lost_;
  std::vector<TableShape::Column> kept_;
  std::string gone_;     // oids of partitions that went
  std::string rebuild_;  // why the table must be built anew; empty: it need not
};

}  // namespace

Alteration alter_table(const TableShape& before, const SourceTable& was, const TablePlan& after, const SourceTable& now,
                       const config::OnDdl& policy) {
  return Planner(before, was, after, now, policy).run();
}

CacheTable under_name(const CacheTable& table, std::string name) {
  auto renamed = table;
  renamed.name = std::move(name);
  renamed.indexes.clear();
  return renamed;
}

std::vector<SchemaStep> drop_table(const TableShape& before) { return {steps::drop_table(before.name)}; }

}  // namespace walbridge::mapping
