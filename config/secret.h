// A string that must never be printed. It has no stream or fmt operator; `reveal` marks every place that uses it.
#pragma once

#include <string>
#include <utility>

namespace walbridge::config {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  static constexpr const char* kMask = "***";

 private:
  std::string value_;
};

}  // namespace walbridge::config
