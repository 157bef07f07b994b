#include "mapping/names.h"

#include <algorithm>
#include <array>

namespace walbridge::mapping {

std::string fold_name(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

std::string_view reserved_prefix(std::string_view name) {
  static constexpr auto kReserved = std::to_array<std::string_view>({"sqlite_", "libsql_", "_walbridge_"});
  const auto folded = fold_name(name);
  for (const auto prefix : kReserved) {
    if (folded.compare(0, prefix.size(), prefix) == 0) return prefix;
  }
  return {};
}

std::string expand_name(const std::string& pattern, const SourceTable& source) {
  static constexpr std::string_view kSchema = "{schema}";
  static constexpr std::string_view kTable = "{table}";
  std::string name;
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern.compare(i, kSchema.size(), kSchema) == 0) {
      name += source.schema;
      i += kSchema.size();
    } else if (pattern.compare(i, kTable.size(), kTable) == 0) {
      name += source.name;
      i += kTable.size();
    } else {
      name += pattern[i++];
    }
  }
  return name;
}

std::string default_pattern(const config::Naming& naming, const SourceTable& source) {
  const auto& dropped = naming.drop_schema;
  return std::find(dropped.begin(), dropped.end(), source.schema) == dropped.end() ? naming.table : "{table}";
}

std::string yaml_quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace walbridge::mapping
