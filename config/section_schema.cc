// `on_ddl`, also that of a rule, `constraints` and `clients`.
#include <array>

#include "config/sections.h"

namespace walbridge::config {
namespace {

// Each in the order of its enumeration.
constexpr auto kKeepOrDrop = std::to_array<std::string_view>({"keep", "drop"});
constexpr auto kOnTruncate = std::to_array<std::string_view>({"apply", "ignore"});
constexpr auto kOnRewrite = std::to_array<std::string_view>({"recopy", "stop"});
constexpr auto kUniqueAs = std::to_array<std::string_view>({"index", "enforce"});
constexpr auto kInt8 = std::to_array<std::string_view>({"bigint", "number"});

template <class Word, std::size_t size>
std::optional<Word> word(const Field& field, const std::array<std::string_view, size>& words) {
  const auto at = field.choice(words);
  return at ? std::optional(static_cast<Word>(*at)) : std::nullopt;
}

}  // namespace

OnDdlRule read_on_ddl(const Field& field) {
  OnDdlRule rule;
  if (!field.check_map()) return rule;
  rule.drop_table = word<KeepOrDrop>(field.child("drop_table"), kKeepOrDrop);
  rule.drop_column = word<KeepOrDrop>(field.child("drop_column"), kKeepOrDrop);
  rule.truncate = word<OnTruncate>(field.child("truncate"), kOnTruncate);
  rule.rewrite = word<OnRewrite>(field.child("rewrite"), kOnRewrite);
  return rule;
}

void read_schema(const Field& root, Config& config) {
  const OnDdlRule on_ddl = read_on_ddl(root.child("on_ddl"));
  config.on_ddl.drop_table = on_ddl.drop_table.value_or(config.on_ddl.drop_table);
  config.on_ddl.drop_column = on_ddl.drop_column.value_or(config.on_ddl.drop_column);
  config.on_ddl.truncate = on_ddl.truncate.value_or(config.on_ddl.truncate);
  config.on_ddl.rewrite = on_ddl.rewrite.value_or(config.on_ddl.rewrite);

  const Field constraints = root.child("constraints");
  if (constraints.check_map()) {
    if (const auto not_null = constraints.child("not_null").boolean()) config.constraints.not_null = *not_null;
    if (const auto unique = word<UniqueAs>(constraints.child("unique"), kUniqueAs)) config.constraints.unique = *unique;
    const Field foreign_keys = constraints.child("foreign_keys");
    if (foreign_keys.boolean().value_or(false)) {
      foreign_keys.problem(
          "must be `false`: Postgres checks them, and in the cache they would dictate an order of changes and fail for "
          "tables that are left out");
    }
  }

  const Field clients = root.child("clients");
  if (!clients.check_map()) return;
  if (const auto at = clients.child("int8").choice(kInt8)) config.clients_int8_number = *at == 1;
}

}  // namespace walbridge::config
