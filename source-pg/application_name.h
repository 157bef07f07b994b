// What our connections call themselves at the source, so that an operator, and `destroy`, can tell them from others.
#pragma once

#include <string>

namespace walbridge::source_pg {

inline const std::string kApplicationPrefix = "walbridge";
inline const std::string kAdminApplication = kApplicationPrefix + " admin";
inline const std::string kSnapshotApplication = kApplicationPrefix + " snapshot";

}  // namespace walbridge::source_pg
