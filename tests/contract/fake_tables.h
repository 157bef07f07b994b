// Tables in memory by value. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "pipeline/api/cache_table.h"

namespace walbridge::testing {

struct FakeBlob {
  std::string bytes;
  friend auto operator<=>(const FakeBlob&, const FakeBlob&) = default;
};
// NULL, integer, real, text or blob, by value.
using FakeValue = std::variant<std::monostate, std::int64_t, double, std::string, FakeBlob>;
using FakeRow = std::vector<FakeValue>;

struct FakeTable {
  CacheTable shape;
  std::string stream;
  std::map<FakeRow, FakeRow> keyed;  // by key, when the shape has one
  std::vector<FakeRow> keyless;

  std::vector<FakeRow> rows() const;
};

}  // namespace walbridge::testing
