// A stable fingerprint of everything a reader or an encoder of a cache table sees. Stored in the cache: a changed hash
// means the table must be copied again, so the recipe never changes without need. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace walbridge::mapping {

// 64-bit FNV-1a over length-prefixed fields.
class SchemaHash {
 public:
  void add(std::string_view field);
  void add(std::int64_t field) { add(std::to_string(field)); }
  std::string hex() const;

 private:
  void add_bytes(std::string_view bytes);
  std::uint64_t state_ = 0xcbf29ce484222325;
};

}  // namespace walbridge::mapping
