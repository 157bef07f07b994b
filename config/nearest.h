// The known word that a misspelt one was most likely meant to be. Case and `-` for `_` count for nothing. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace walbridge::config {

// Nothing when no candidate is near enough to be a likely slip.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates);

// "did you mean `include`?", or, when nothing is near, "one of `include`, `exclude`".
std::string suggest(std::string_view word, std::span<const std::string_view> candidates);

// "`include`, `exclude`"
std::string listed(std::span<const std::string_view> candidates);

}  // namespace walbridge::config
