#include "mapping/schema_hash.h"

#include <fmt/format.h>

namespace walbridge::mapping {

void SchemaHash::add_bytes(std::string_view bytes) {
  for (const char c : bytes) {
    state_ ^= static_cast<unsigned char>(c);
    state_ *= 0x100000001b3;
  }
}

void SchemaHash::add(std::string_view field) {
  add_bytes(std::to_string(field.size()));
  add_bytes(":");
  add_bytes(field);
}

std::string SchemaHash::hex() const { return fmt::format("{:016x}", state_); }

}  // namespace walbridge::mapping
