#include "mapping/plan_generated.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mapping/names.h"

namespace walbridge::mapping {

namespace {

Error refuse(const PlanParts& parts, const char* code, const std::string& message, std::string remedy) {
  return {Verdict::PoisonRow, code, fmt::format("{} of {}", message, parts.source.qualified_name()), std::move(remedy)};
}

const SourceColumn* source_column(const PlanParts& parts, const std::string& name) {
  const auto found = std::find_if(parts.source.columns.begin(), parts.source.columns.end(),
                                  [&](const SourceColumn& each) { return each.name == name; });
  return found == parts.source.columns.end() ? nullptr : &*found;
}

// The columns that expressions may read: the source's own.
void learn_columns(PlanParts& parts) {
  for (std::size_t i = 0; i < parts.columns.size(); ++i) {
    const auto& planned = parts.columns[i];
    const auto* column = source_column(parts, planned.source_name);
    if (!planned.role.empty() || column == nullptr) continue;
    const auto& encoder = *parts.encoders[i];
    KnownColumn known{column->attnum, column->name, parts.cache.columns[i].name, domain_of(encoder), false, true};
    known.masked = encoder.inner != nullptr;
    known.exact = encoder.exact;
    if (!column->deterministic_collation) known.domain.kind = ValueDomain::Kind::Opaque;
    parts.known.push_back(std::move(known));
  }
}

bool is_taken(const PlanParts& parts, const std::string& name) {
  const auto folded = fold_name(name);
  const auto same = [&](const auto& each) { return fold_name(each.name) == folded; };
  return std::any_of(parts.cache.columns.begin(), parts.cache.columns.end(), same) ||
         std::any_of(parts.cache.computed.begin(), parts.cache.computed.end(), same);
}

Status check_name(const PlanParts& parts, const std::string& name, std::string remedy) {
  if (name.empty() || fold_name(name).compare(0, 11, "_walbridge_") == 0) {
    return refuse(parts, "reserved-name", fmt::format("the name \"{}\" is reserved; a computed column", name),
                  std::move(remedy));
  }
  if (is_taken(parts, name)) {
    return refuse(
        parts, "name-collision",
        fmt::format("two columns would be named {} in the cache, which ignores case; one is a computed column", name),
        std::move(remedy));
  }
  return {};
}

// What a rule says about the column that keeps it out; empty: nothing.
std::string ruled_out(const PlanParts& parts, const SourceColumn& column, const std::string& encoding) {
  if (!lets_through(parts.rules.only, parts.rules.omit, column.name)) return "left out by the rules";
  if (encoding == "omit" || encoding == "error") return "its type is left out";
  const auto rule = parts.rules.columns.find(column.name);
  if (rule == parts.rules.columns.end()) return {};
  if (rule->second.mask && *rule->second.mask != config::Mask::None) return "generated: a mask needs the value itself";
  if (rule->second.truncate) return "generated: a cut needs the value itself";
  return {};
}

Result<Translation> translate(PlanParts& parts, const SourceColumn& column, const Encoder& encoder) {
  WALBRIDGE_TRY_AS(auto expression, parse_expression(column.expression));
  WALBRIDGE_TRY_AS(auto translation, to_sqlite(*expression, parts.known, ExpressionUse::Value));
  if (!(translation.domain == domain_of(encoder))) {
    return Error{Verdict::Operator, "expression", "its values would be stored in another form", {}};
  }
  return translation;
}

Status add_generated(PlanParts& parts, const SourceColumn& column) {
  const auto leave_out = [&](std::string reason) {
    parts.not_carried.push_back({"column", column.name, std::move(reason)});
    return Status();
  };
  const auto rule = parts.rules.columns.find(column.name);
  const auto name = rule != parts.rules.columns.end() && rule->second.as ? *rule->second.as : column.name;
  const bool ruled = std::any_of(parts.rules.computed.begin(), parts.rules.computed.end(),
                                 [&](const auto& each) { return fold_name(each.name) == fold_name(name); });
  if (ruled) return leave_out("generated: a rule computes it instead");
  EncodingChoice choice;
  choice.name = column.type ? chosen_encoding(parts.rules, parts.config, column).name : "omit";
  choice.profile = parts.config.profile;
  choice.specials = parts.config.specials;
  if (auto reason = ruled_out(parts, column, choice.name); !reason.empty()) return leave_out(std::move(reason));
  const auto encoder = compile_encoder(column.type, choice);
  if (!encoder) return leave_out(encoder.error().message);
  const auto translation = translate(parts, column, **encoder);
  if (!translation) {
    return leave_out(fmt::format("generated as {}, which SQLite cannot repeat: {}",
                                 column.expression.empty() ? "an unknown expression" : column.expression,
                                 translation.error().message));
  }
  WALBRIDGE_TRY(check_name(parts, name,
                           fmt::format("rename it in a rule: {{match: {}, columns: {{{}: {{as: {}}}}}}}, or omit it",
                                       yaml_quoted(parts.source.qualified_name()), yaml_quoted(column.name),
                                       yaml_quoted(column.name + "_2"))));
  parts.cache.computed.push_back({name, (*encoder)->decl, translation->sql});
  parts.generated.push_back(*encoder);
  KnownColumn known{column.attnum, column.name, name, domain_of(**encoder), false, (*encoder)->exact};
  if (!column.deterministic_collation) known.domain.kind = ValueDomain::Kind::Opaque;
  parts.known.push_back(std::move(known));
  return {};
}

}  // namespace

Status plan_generated(PlanParts& parts) {
  learn_columns(parts);
  for (const auto& column : parts.source.columns) {
    if (column.generated) WALBRIDGE_TRY(add_generated(parts, column));
  }
  for (const auto& rule : parts.rules.computed) {
    WALBRIDGE_TRY(check_name(parts, rule.name, "give the computed column of the rule another name"));
    if (rule.sql.empty()) {
      return refuse(parts, "bad-computed", fmt::format("no expression is given for the computed column {}", rule.name),
                    "write `sql` in the rule");
    }
    parts.cache.computed.push_back({rule.name, rule.type, rule.sql, rule.place.line});
  }
  return {};
}

}  // namespace walbridge::mapping
