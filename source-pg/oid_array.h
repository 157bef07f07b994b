// Oids as a parameter of a query: "{16,23}", for `= ANY($1::oid[])`. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace walbridge::source_pg {

inline std::string oid_array(std::span<const std::uint32_t> oids) {
  std::string list = "{";
  for (const auto oid : oids) {
    if (list.size() > 1) list += ',';
    list += std::to_string(oid);
  }
  return list + "}";
}

}  // namespace walbridge::source_pg
