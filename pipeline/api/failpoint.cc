#include "pipeline/api/failpoint.h"

#ifdef WALBRIDGE_FAILPOINTS

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace walbridge {

void pass_failpoint(const char* name) {
  static const std::string wanted = [] {
    const char* value = std::getenv("WALBRIDGE_CRASH_AT");
    return std::string(value == nullptr ? "" : value);
  }();
  if (wanted.empty()) return;
  const auto colon = wanted.find(':');
  if (std::string_view(wanted).substr(0, colon) != name) return;
  static const int nth = colon == std::string::npos ? 1 : std::atoi(wanted.c_str() + colon + 1);
  static std::atomic<int> passed{0};
  if (++passed >= nth) std::raise(SIGKILL);
}

}  // namespace walbridge

#endif
