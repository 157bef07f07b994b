// The Drizzle schema of a cache: one TypeScript file. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/client_schema_columns.h"

namespace walbridge::mapping {

// What one column is in Drizzle, before `.primaryKey()` and `.notNull()`: `pgDecimal("total", 10, 2)`.
struct DrizzleColumn {
  std::string expression;
  std::vector<std::string_view> imports;  // of drizzle-orm/sqlite-core
  std::string_view helper;                // of drizzle_helpers(); empty: none
};
DrizzleColumn drizzle_column(const ClientColumn& column, bool int8_number);

// Text of a helper and of those it needs; `imports` grows by what they import.
struct DrizzleHelper {
  std::string_view name;
  std::vector<std::string_view> needs;
  std::vector<std::string_view> imports;
  std::string_view text;
};
std::span<const DrizzleHelper> drizzle_helpers();

std::string drizzle_schema(const std::vector<ClientTable>& tables, bool int8_number);

}  // namespace walbridge::mapping
