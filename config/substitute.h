// `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `$$` in one scalar value, after YAML has been parsed. What a
// variable holds is never looked at again: it cannot bring in another variable or change the structure. Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "config/load.h"

namespace walbridge::config {

struct SubstitutionProblem {
  std::string message;  // names the variable, never what one holds
};

std::variant<std::string, SubstitutionProblem> substitute(std::string_view text, const Environment& environment);

}  // namespace walbridge::config
