// PlanCompiler: the columns of a cache table, each with its encoding, mask and order key.
#include <algorithm>

#include <fmt/format.h>

#include "mapping/encoder.h"
#include "mapping/mask.h"
#include "mapping/order_key.h"
#include "mapping/plan_compiler.h"
#include "mapping/value_basis.h"

namespace walbridge::mapping {

namespace {

bool contains(const std::vector<std::int16_t>& attnums, std::int16_t attnum) {
  return std::find(attnums.begin(), attnums.end(), attnum) != attnums.end();
}

bool is_masked(const config::ColumnRule& rule) { return rule.mask && *rule.mask != config::Mask::None; }

// NaN and infinities become NULL under some settings, whatever the column says.
bool never_null(const SourceColumn& column, const config::ColumnRule& rule, const Encoder& encoder) {
  const auto& kind = encoder.type->kind;
  const bool special = kind == "float4" || kind == "float8" || kind == "numeric" || kind == "date" ||
                       kind == "timestamp" || kind == "timestamptz";
  const bool becomes_null =
      special && (encoder.specials == config::Specials::Null || encoder.specials == config::Specials::Clamp);
  return column.not_null && !becomes_null && !(rule.mask && *rule.mask == config::Mask::Null);
}

}  // namespace

void PlanCompiler::leave_out(const SourceColumn& column, const char* reason) {
  plan_->left_out_.push_back(column.name);
  plan_->not_carried_.push_back({"column", column.name, reason});
}

Status PlanCompiler::plan_columns() {
  plan_->only_ = rules_.only;
  plan_->omit_ = rules_.omit;
  for (const auto& column : source_.columns) {
    if (column.generated) {
      plan_->left_out_.push_back(column.name);  // computed, if at all: plan_generated()
    } else if (!lets_through(rules_.only, rules_.omit, column.name)) {
      leave_out(column, "left out by the rules");
    } else {
      WALBRIDGE_TRY(plan_column(column));
    }
  }
  if (carried_.empty()) {
    return refuse("no-columns", fmt::format("no column of {} is left to carry", source_.qualified_name()),
                  "widen `only` or narrow `omit` in the rules, or exclude the table");
  }
  return {};
}

Status PlanCompiler::plan_column(const SourceColumn& column) {
  const auto where = fmt::format("column {} of {}", column.name, source_.qualified_name());
  if (!column.type) {
    return refuse("unknown-type", fmt::format("{} has a type that the catalog does not describe", where),
                  "omit the column in a rule");
  }
  auto chosen = chosen_encoding(rules_, config_, column);
  if (chosen.name.empty() && !is_known_type(*without_domains(column.type))) {
    if (config_.unknown_types == config::UnknownTypes::Omit) chosen.name = "omit";
    if (config_.unknown_types == config::UnknownTypes::Error) chosen.name = "error";
  }
  if (chosen.name == "omit") {
    leave_out(column, "its type is left out");
    return {};
  }
  if (chosen.name == "error") {
    return refuse("unknown-type",
                  fmt::format("{} has type {}, which the configuration refuses", where, column.type->sql),
                  "choose an encoding for it (types: or columns: type), or omit the column");
  }
  const auto found = rules_.columns.find(column.name);
  const config::ColumnRule rule = found == rules_.columns.end() ? config::ColumnRule{} : found->second;
  WALBRIDGE_TRY_AS(auto encoder, choose_encoder(column, rule, chosen.name));
  if (!encoder->imprecise.empty()) plan_->not_carried_.push_back({"precision", column.name, encoder->imprecise, true});
  const auto name = rule.as.value_or(column.name);
  add_column(column, name, encoder, false);
  const bool filled = never_null(column, rule, *encoder);
  plan_->columns_.back().nullable = !filled;
  if (config_.constraints.not_null && filled) plan_->cache_.columns.back().decl += " NOT NULL";
  plan_->copy_columns_.push_back(column.name);
  chosen_by_column_.back() = chosen.by_column;
  return rule.order_key.value_or(false) ? add_order_key(column, rule, name) : Status{};
}

Result<std::shared_ptr<const Encoder>> PlanCompiler::choose_encoder(const SourceColumn& column,
                                                                    const config::ColumnRule& rule,
                                                                    const std::string& chosen) const {
  const auto where = fmt::format("column {} of {}", column.name, source_.qualified_name());
  EncodingChoice choice;
  choice.name = chosen;
  choice.profile = config_.profile;
  choice.specials = config_.specials;
  choice.key = contains(key_, column.attnum);
  auto compiled = compile_encoder(column.type, choice);
  if (!compiled) {
    return refuse(compiled.error().code.c_str(), fmt::format("{}: {}", where, compiled.error().message),
                  compiled.error().remedy);
  }
  if (is_masked(rule)) {
    if (choice.key && *rule.mask != config::Mask::HmacSha256) {
      return refuse("key-mask", fmt::format("{} is part of the key: masking a key must be injective", where),
                    "mask it by hmac_sha256 and give it a mask_key, and mask what refers to it alike");
    }
    return masked(*compiled, rule);
  }
  if (!rule.truncate) return *std::move(compiled);
  if (choice.key) {
    return refuse("key-mask", fmt::format("{} is part of the key: cut texts may make two rows one", where),
                  "remove `truncate` of the column");
  }
  auto cut = truncated(*compiled, *rule.truncate);
  if (cut != nullptr) return cut;
  return refuse("bad-truncate", fmt::format("{} is {}, which is no text to cut", where, column.type->sql),
                "remove `truncate` of the column");
}

void PlanCompiler::add_column(const SourceColumn& column, std::string name, std::shared_ptr<const Encoder> encoder,
                              bool order_key) {
  CacheColumn cache;
  cache.name = std::move(name);
  cache.decl = encoder->decl;
  cache.form = encoder->form;
  plan_->cache_.columns.push_back(std::move(cache));
  PlannedColumn planned;
  planned.source_name = column.name;
  planned.type_oid = column.type->oid;
  planned.typmod = column.type->typmod;
  planned.source_type = column.type->sql;
  planned.encoding = encoder->encoding;
  planned.nullable = !column.not_null;
  planned.attnum = column.attnum;
  planned.role = order_key ? "ord" : "";
  planned.basis = value_basis(*column.type, *encoder);
  plan_->columns_.push_back(std::move(planned));
  plan_->encoders_.push_back(std::move(encoder));
  carried_.push_back(order_key ? kNoSource : column.attnum);
  chosen_by_column_.push_back(order_key);
}

Status PlanCompiler::add_order_key(const SourceColumn& column, const config::ColumnRule& rule,
                                   const std::string& name) {
  const auto where = fmt::format("column {} of {}", column.name, source_.qualified_name());
  if (is_masked(rule)) {
    return refuse("order-key", fmt::format("{} is masked, and an order key would tell what the mask hides", where),
                  "remove `order_key` or `mask` of the column");
  }
  auto key = compile_order_key(*without_domains(column.type), *plan_->encoders_.back());
  if (!key) {
    return refuse("order-key", fmt::format("{}: {}", where, key.error().message), key.error().remedy);
  }
  add_column(column, name + "__ord", *std::move(key), true);
  return {};
}

}  // namespace walbridge::mapping
