#include "mapping/plan_indexes.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/load.h"
#include "config/nearest.h"
#include "mapping/names.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

using Kind = CacheIndex::Kind;

bool is_glob(const std::string& text) { return text.find_first_of("*?") != std::string::npos; }

// A vector index is libSQL's own; a plain file is read and written by SQLite.
bool has_vector_indexes(const config::Sink& sink) { return sink.url.compare(0, 5, "file:") != 0; }

const KnownColumn* known_column(const PlanParts& parts, std::int16_t attnum) {
  const auto found =
      std::find_if(parts.known.begin(), parts.known.end(), [&](const auto& each) { return each.attnum == attnum; });
  return attnum == 0 || found == parts.known.end() ? nullptr : &*found;
}

Result<Translation> translate(const PlanParts& parts, const std::string& sql, ExpressionUse use) {
  WALBRIDGE_TRY_AS(auto expression, parse_expression(sql));
  return to_sqlite(*expression, parts.known, use);
}

// One index of the source on its way into the cache; what is lost on the way is said with its name.
class IndexDraft {
 public:
  IndexDraft(PlanParts& parts, const SourceIndex& source) : parts_(parts), source_(source) {
    index_.name = source.name;
  }

  void plan() {
    const auto said = static_cast<std::ptrdiff_t>(parts_.not_carried.size());
    if (!add()) return;
    // Whatever was said of it so far is no more than a note.
    std::for_each(parts_.not_carried.begin() + said, parts_.not_carried.end(),
                  [](NotCarried& note) { note.in_part = true; });
  }

 private:
  bool add() {
    if (repeats_key()) return false;
    const bool vector = source_.method == "hnsw" || source_.method == "ivfflat";
    if (!vector && source_.method != "btree" && source_.method != "hash") {
      say(
          fmt::format("SQLite has no counterpart of {}; `indexes` of a rule makes one of the cache's own, also for "
                      "full text",
                      source_.method));
      return false;
    }
    if (vector ? !add_vector() : !add_parts()) return false;
    if (index_.parts.empty()) return false;
    if (source_.partial) add_predicate();
    if (source_.unique && parts_.config.constraints.unique == config::UniqueAs::Enforce) make_unique();
    parts_.cache.indexes.push_back(std::move(index_));
    return true;
  }

  void say(std::string what) { parts_.not_carried.push_back({"index", source_.name, std::move(what)}); }

  // The cache's own primary key is one already.
  bool repeats_key() const {
    if (source_.partial || source_.key.size() != parts_.key.size()) return false;
    for (std::size_t i = 0; i < source_.key.size(); ++i) {
      if (source_.key[i].attnum != parts_.key[i] || source_.key[i].descending) return false;
    }
    return source_.method == "btree" || source_.method == "hash";
  }

  bool add_parts() {
    for (const auto& part : source_.key) {
      if (part.attnum == 0) {
        if (!add_expression(part)) return false;
      } else if (!add_column(part.attnum, part.descending)) {
        return false;
      }
    }
    // INCLUDE: still covering, as trailing columns; a unique index would no longer say the same.
    const bool enforce = parts_.config.constraints.unique == config::UniqueAs::Enforce;
    if (source_.unique && enforce) return true;
    return std::all_of(source_.included.begin(), source_.included.end(),
                       [&](std::int16_t attnum) { return add_column(attnum, false); });
  }

  bool add_column(std::int16_t attnum, bool descending) {
    const auto* column = known_column(parts_, attnum);
    if (column == nullptr) {
      say("a column of it is not carried");
      return false;
    }
    exact_ = exact_ && column->exact && !column->masked;
    const auto name = quote_identifier(column->name);
    const bool there = std::any_of(index_.parts.begin(), index_.parts.end(),
                                   [&](const std::string& part) { return part == name || part == name + " DESC"; });
    if (!there) index_.parts.push_back(descending ? name + " DESC" : name);
    return true;
  }

  bool add_expression(const SourceIndex::Part& part) {
    auto translation = translate(parts_, part.expression, ExpressionUse::Index);
    if (!translation) {
      say("of its expression, " + translation.error().message);
      return false;
    }
    index_.parts.push_back(part.descending ? translation->sql + " DESC" : translation->sql);
    exact_ = exact_ && translation->notes.empty();
    for (auto& note : translation->notes) say(std::move(note));
    return true;
  }

  bool add_vector() {
    const auto refuse = [&](std::string why) {
      say(std::move(why));
      return false;
    };
    if (!has_vector_indexes(parts_.sink)) return refuse("a local file has no vector indexes, libSQL has");
    const auto& part = source_.key.front();
    const auto* column = known_column(parts_, part.attnum);
    if (column == nullptr || source_.key.size() != 1) return refuse("its column is not carried");
    const auto& operators = part.operator_class;
    std::string metric;
    if (operators.find("cosine") != std::string::npos) metric = "cosine";
    if (operators.find("_l2_") != std::string::npos || (operators.empty() && source_.method == "ivfflat"))
      metric = "l2";
    if (metric.empty()) return refuse(fmt::format("libSQL has no metric for {}", operators));
    if (!holds_vectors(*column))
      return refuse(fmt::format("column {} does not hold vectors in the cache", column->name));
    index_.kind = Kind::Vector;
    index_.parts = {quote_identifier(column->name), metric};
    return true;
  }

  bool holds_vectors(const KnownColumn& column) const {
    const auto* encoder = column.domain.encoder;
    return encoder != nullptr && encoder->form == CacheColumn::Form::Blob &&
           encoder->decl.find("_BLOB(") != std::string::npos;
  }

  void add_predicate() {
    if (index_.kind == Kind::Vector) return say("carried for all rows: a partial vector index is not offered");
    auto translation = translate(parts_, source_.predicate, ExpressionUse::Predicate);
    if (!translation) {
      whole_ = true;
      return say("carried for all rows: of its condition, " + translation.error().message);
    }
    index_.where = std::move(translation->sql);
    exact_ = exact_ && translation->notes.empty();
    for (auto& note : translation->notes) say(std::move(note));
  }

  // Only if the cache can hold no two rows that the source holds apart.
  void make_unique() {
    if (index_.kind == Kind::Vector) return;
    const bool keeps_rows = parts_.rules.append || !parts_.rules.soft_delete.empty();
    if (!exact_ || whole_ || keeps_rows) {
      return say("carried without UNIQUE: the cache may hold two rows that are one to it");
    }
    if (!source_.immediate) return say("carried without UNIQUE: it is deferrable");
    index_.kind = Kind::Unique;
  }

  PlanParts& parts_;
  const SourceIndex& source_;
  CacheIndex index_;
  bool exact_ = true;
  bool whole_ = false;
};

// One index of a rule.
class RuledIndex {
 public:
  RuledIndex(PlanParts& parts, const config::IndexRule& rule) : parts_(parts), rule_(rule) {}

  Status plan(bool wide) {
    auto planned = make();
    if (!planned && planned.error().code == "unknown-column") {
      // A rule for many tables: not each has every column. For this one: the column was renamed or dropped, which is no
      // reason to stop the table.
      if (!wide) say_unknown(planned.error());
      return {};
    }
    if (!planned) return planned;
    if (index_.parts.empty()) return {};
    index_.name = rule_.name.empty() ? made_name() : rule_.name;
    index_.line = rule_.place.line;
    parts_.cache.indexes.push_back(std::move(index_));
    return {};
  }

 private:
  Status make() {
    if (!rule_.vector.empty()) return make_vector();
    if (!rule_.fts.empty()) return make_full_text();
    index_.kind = rule_.unique ? Kind::Unique : Kind::Plain;
    index_.where = rule_.where;
    for (const auto& text : rule_.columns) {
      auto name = text;
      const bool descending = take_word(name, "desc");
      if (!descending) take_word(name, "asc");
      WALBRIDGE_TRY_AS(auto column, find(name));
      index_.parts.push_back(quote_identifier(column) + (descending ? " DESC" : ""));
      words_.push_back(column);
    }
    return {};
  }

  Status make_vector() {
    WALBRIDGE_TRY_AS(auto column, find(rule_.vector));
    if (!has_vector_indexes(parts_.sink)) {
      parts_.not_carried.push_back({"index", rule_.name.empty() ? column : rule_.name,
                                    "not made: a local file has no vector indexes, libSQL has"});
      return {};
    }
    index_.kind = Kind::Vector;
    index_.parts = {quote_identifier(column), rule_.metric.empty() ? "cosine" : rule_.metric};
    words_ = {column};
    return {};
  }

  Status make_full_text() {
    if (!parts_.cache.rowid_key) {
      return Error{Verdict::PoisonRow, "bad-index",
                   fmt::format("full text search needs a table whose key is one integer; {} has another key",
                               parts_.source.qualified_name()),
                   "remove `fts` from the rule, or choose an integer `key`"};
    }
    index_.kind = Kind::FullText;
    for (const auto& text : rule_.fts) {
      WALBRIDGE_TRY_AS(auto column, find(text));
      index_.parts.push_back(quote_identifier(column));
      words_.push_back(column);
    }
    words_.emplace_back("fts");
    return {};
  }

  // " desc" at the end, in any case.
  static bool take_word(std::string& text, const std::string& word) {
    const auto folded = fold_name(text);
    if (folded.size() <= word.size() + 1 || folded.compare(folded.size() - word.size(), word.size(), word) != 0 ||
        folded[folded.size() - word.size() - 1] != ' ') {
      return false;
    }
    text.resize(text.find_last_not_of(' ', text.size() - word.size() - 1) + 1);
    return true;
  }

  Result<std::string> find(const std::string& name) const {
    std::vector<std::string_view> candidates;
    for (std::size_t i = 0; i < parts_.cache.columns.size(); ++i) {
      const auto& column = parts_.cache.columns[i].name;
      if (column.compare(0, 11, "_walbridge_") != 0) candidates.push_back(column);
    }
    for (const auto& computed : parts_.cache.computed) candidates.push_back(computed.name);
    for (const auto candidate : candidates) {
      if (fold_name(candidate) == fold_name(name)) return std::string(candidate);
    }
    return Error{
        Verdict::PoisonRow, "unknown-column",
        fmt::format("a rule wants it, and {} has no column {} in the cache", parts_.source.qualified_name(), name),
        config::suggest(name, candidates)};
  }

  void say_unknown(const Error& error) {
    const auto& columns = rule_.fts.empty() ? rule_.columns : rule_.fts;
    const auto name = !rule_.name.empty()     ? rule_.name
                      : !rule_.vector.empty() ? rule_.vector
                                              : fmt::format("on {}", fmt::join(columns, ", "));
    parts_.not_carried.push_back({"index", name, fmt::format("{}; {}", error.message, error.remedy)});
  }

  std::string made_name() const {
    return fmt::format("{}_{}{}", parts_.cache.name, fmt::join(words_, "_"),
                       index_.kind == Kind::FullText ? "" : "_idx");
  }

  PlanParts& parts_;
  const config::IndexRule& rule_;
  CacheIndex index_;
  std::vector<std::string> words_;
};

// Postgres enforces them; in a cache they could only fail.
void name_constraints(PlanParts& parts) {
  for (const auto& constraint : parts.source.constraints) {
    const char* const kind = constraint.kind == 'f'   ? "a foreign key"
                             : constraint.kind == 'x' ? "an exclusion constraint"
                                                      : "a check";
    parts.not_carried.push_back({"constraint", constraint.name, fmt::format("{}: Postgres enforces it", kind)});
  }
}

}  // namespace

Status plan_indexes(PlanParts& parts) {
  for (const auto& index : parts.source.indexes) IndexDraft(parts, index).plan();
  for (const auto& rule : parts.config.rules) {
    if (!config::glob_matches(rule.match, parts.source.qualified_name())) continue;
    for (const auto& index : rule.indexes) WALBRIDGE_TRY(RuledIndex(parts, index).plan(is_glob(rule.match)));
  }
  name_constraints(parts);
  return {};
}

}  // namespace walbridge::mapping
