// The end of a copy: the filled table takes the place of the one readers saw, and what only that one has goes along.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mapping/alteration.h"
#include "mapping/column_change.h"
#include "mapping/names.h"
#include "mapping/schema_steps.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

constexpr std::string_view kNotNull = " NOT NULL";

const TableShape::Column* find(const TableShape& shape, const TableShape::Column& column) {
  const auto found = std::find_if(shape.columns.begin(), shape.columns.end(), [&](const TableShape::Column& each) {
    return each.attnum == column.attnum && each.role == column.role;
  });
  return found == shape.columns.end() ? nullptr : &*found;
}

bool has_mark(const TableShape& shape) {
  return std::any_of(shape.columns.begin(), shape.columns.end(), [](const auto& each) { return each.role == "mark"; });
}

bool names_column(const TableShape& shape, const std::string& name) {
  const auto same = [&](const auto& each) { return fold_name(each.name) == fold_name(name); };
  return std::any_of(shape.columns.begin(), shape.columns.end(), same) ||
         std::any_of(shape.kept.begin(), shape.kept.end(), same) ||
         std::any_of(shape.computed.begin(), shape.computed.end(), same);
}

// Whether the same key is the same row in both.
bool same_key(const TableShape& before, const TableShape& after) {
  return !after.key.empty() && std::equal(before.key.begin(), before.key.end(), after.key.begin(), after.key.end(),
                                          [&](std::uint16_t was, std::uint16_t is) {
                                            const auto& old = before.columns[was];
                                            const auto& key = after.columns[is];
                                            return old.attnum == key.attnum && old.role == key.role &&
                                                   old.encoding == key.encoding;
                                          });
}

void append(std::string& list, const std::string& part) { list += (list.empty() ? "" : ", ") + part; }

// The old table is "was" in all statements, the filled one "made".
std::string old_value(const TableShape::Column& column) { return "was." + quote_identifier(column.name); }

// What one swap brings over from the old table into the filled one, before the old one is dropped.
class Rescue {
 public:
  Rescue(const TableShape& before, const TablePlan& plan, const std::string& filled, const std::string& deleted_at,
         const SourceTable* now, Swap& swap)
      : before_(before),
        plan_(plan),
        filled_(filled),
        deleted_at_(deleted_at),
        now_(now),
        swap_(swap),
        same_key_(same_key(before, swap.shape)) {}

  void run() {
    keep_columns();
    carry_rows();
  }

 private:
  // A column of the filled table, and what a row of the old one has for it.
  struct Carried {
    const TableShape::Column* column;
    std::string value;
  };

  bool is_at_source(const TableShape::Column& column) const {
    return now_ != nullptr && find_column(*now_, column.attnum) != nullptr;
  }

  void keep_columns() {
    if (plan_.on_ddl().drop_column != config::KeepOrDrop::Keep) return;
    for (const auto* columns : {&before_.columns, &before_.kept}) {
      for (const auto& column : *columns) {
        if (!column.role.empty() || find(swap_.shape, column) != nullptr || is_at_source(column)) continue;
        keep(column);
      }
    }
    if (swap_.shape.kept.empty()) return;
    std::string matches;
    for (std::size_t i = 0; i < before_.key.size(); ++i) {
      const auto& key = swap_.shape.columns[swap_.shape.key[i]].name;
      matches += fmt::format("{}{} = {}.{}", matches.empty() ? "" : " AND ", old_value(before_.columns[before_.key[i]]),
                             quote_identifier(filled_), quote_identifier(key));
    }
    std::string values;
    for (const auto& column : swap_.shape.kept) {
      append(values, fmt::format("{} = (SELECT {} FROM {} AS was WHERE {})", quote_identifier(column.name),
                                 old_value(column), quote_identifier(before_.name), matches));
    }
    execute(fmt::format("UPDATE {} SET {}", quote_identifier(filled_), values));
  }

  void keep(TableShape::Column column) {
    if (!same_key_ || names_column(swap_.shape, column.name)) {
      swap_.notes.push_back(fmt::format(
          "column {}, which the source dropped, is not kept: {}", column.name,
          same_key_ ? "another one has its name now" : "the copied table has no key in common with the old one"));
      return;
    }
    if (const auto at = column.decl.find(kNotNull); at != std::string::npos) column.decl.erase(at, kNotNull.size());
    swap_.steps.push_back(
        steps::add_column(filled_, {column.name, column.decl, CacheColumn::Form::Plain}, SqlValue::null()));
    swap_.shape.kept.push_back(std::move(column));
  }

  void carry_rows() {
    const bool marks = has_mark(swap_.shape);
    if (!marks && !plan_.append_only()) return;
    const bool keyless = swap_.shape.key.empty();
    if (!keyless && !same_key_) {
      say_lost("their key is not the copied table's");
      return;
    }
    for (const auto& column : swap_.shape.columns) {
      if (auto value = value_for(column); !value.empty()) {
        carried_.push_back({&column, std::move(value)});
      } else if (column.decl.find(kNotNull) != std::string::npos) {
        say_lost(fmt::format("they have no value for column {}, which is NOT NULL", column.name));
        return;
      }
    }
    for (const auto& column : swap_.shape.kept) carried_.push_back({&column, old_value(column)});
    if (keyless) {
      carry_surplus();
    } else {
      carry_by_key();
    }
  }

  // Empty: the old table has no such column, or wrote its values in another way.
  std::string value_for(const TableShape::Column& column) const {
    const auto* old = find(before_, column);
    if (column.role == "mark") {
      // A mark that is written in another way now still says that the row is deleted: no row comes back to life.
      return old == nullptr || old->decl != column.decl ? deleted_at_
                                                        : fmt::format("coalesce({}, {})", old_value(*old), deleted_at_);
    }
    return old == nullptr || old->encoding != column.encoding ? std::string() : old_value(*old);
  }

  void say_lost(const std::string& reason) {
    swap_.notes.push_back(
        fmt::format("rows of {} that only its old copy had are not carried over: {}", before_.name, reason));
  }

  std::string insert() const {
    std::string columns;
    for (const auto& each : carried_) append(columns, quote_identifier(each.column->name));
    return fmt::format("INSERT OR IGNORE INTO {} ({})", quote_identifier(filled_), columns);
  }

  void carry_by_key() {
    std::string values;
    for (const auto& each : carried_) append(values, each.value);
    execute(fmt::format("{} SELECT {} FROM {} AS was", insert(), values, quote_identifier(before_.name)));
  }

  // Of equal rows as many as the old table has more of. Sorted, not looked up: there is no index to find them by.
  void carry_surplus() {
    std::string names;
    std::string made;
    std::string was;
    std::string same;
    for (std::size_t i = 0; i < carried_.size(); ++i) {
      const auto name = fmt::format("v{}", i);
      append(names, name);
      append(made, fmt::format("made.{} AS {}", quote_identifier(carried_[i].column->name), name));
      append(was, carried_[i].value);
      // A row is the same one in whatever partition it lies.
      if (carried_[i].column->role != "leaf") append(same, name + " COLLATE BINARY");
    }
    if (same.empty()) {
      say_lost("no column is written as it was");
      return;
    }
    execute(fmt::format(
        "{0} SELECT {1} FROM (SELECT {1}, old, row_number() OVER (PARTITION BY {2}, old) AS place, "
        "sum(1 - old) OVER (PARTITION BY {2}) AS there FROM (SELECT {3}, 0 AS old FROM {4} AS made UNION ALL "
        "SELECT {5}, 1 FROM {6} AS was)) WHERE old = 1 AND place > there",
        insert(), names, same, made, quote_identifier(filled_), was, quote_identifier(before_.name)));
  }

  void execute(std::string sql) { swap_.steps.push_back(steps::execute(filled_, std::move(sql))); }

  const TableShape& before_;
  const TablePlan& plan_;
  const std::string& filled_;
  const std::string& deleted_at_;
  const SourceTable* now_;
  Swap& swap_;
  bool same_key_;
  std::vector<Carried> carried_;
};

}  // namespace

Widened widen_for_carry(const TableShape& before, const SourceTable& was, const TablePlan& after,
                        const SourceTable& now) {
  Widened widened;
  widened.shape = before;
  const auto shape = shape_of(after);
  if (!has_mark(shape) && !after.append_only()) return widened;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    auto column = shape.columns[i];
    const auto& cache = after.cache().columns[i];
    // The default of a column must be a constant, jsonb('…') is a call.
    if (!column.role.empty() || find(before, column) != nullptr || cache.form == CacheColumn::Form::Jsonb) continue;
    const auto change = column_change(before, was, after, shape, now, i, widened.arena);
    if (!change || change->fill.kind == SqlValue::Kind::Null || names_column(before, column.name)) continue;
    widened.steps.push_back(steps::add_column(before.name, {column.name, cache.decl, cache.form}, change->fill));
    widened.shape.columns.push_back(std::move(column));
  }
  return widened;
}

Swap swap_in(const TableShape* before, const TablePlan& after, const std::string& filled, const std::string& deleted_at,
             const SourceTable* now) {
  Swap swap;
  swap.shape = shape_of(after);
  if (before != nullptr) {
    Rescue(*before, after, filled, deleted_at, now, swap).run();
    swap.steps.push_back(steps::drop_table(before->name));
  }
  const auto& cache = after.cache();
  swap.steps.push_back(steps::rename_table(filled, cache.name));
  for (const auto& index : cache.indexes) swap.steps.push_back(steps::create_index(cache.name, index));
  return swap;
}

}  // namespace walbridge::mapping
