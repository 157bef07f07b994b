#include "pipeline/api/finding.h"

namespace walbridge {

const char* to_string(Finding::Severity severity) {
  switch (severity) {
    case Finding::Severity::Ok:
      return "ok";
    case Finding::Severity::Warning:
      return "warning";
    case Finding::Severity::Error:
      return "error";
  }
  return "error";
}

}  // namespace walbridge
