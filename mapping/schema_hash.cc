#include "mapping/schema_hash.h"

#include <cstdint>

#include <fmt/format.h>

namespace walbridge::mapping {

// 64-bit FNV-1a over the shape's JSON, whose members stand in one order.
std::string schema_hash(const TableShape& shape) {
  std::uint64_t state = 0xcbf29ce484222325;
  for (const char c : to_json(shape)) {
    state ^= static_cast<unsigned char>(c);
    state *= 0x100000001b3;
  }
  return fmt::format("{:016x}", state);
}

}  // namespace walbridge::mapping
