#include "pipeline/api/error.h"

namespace walbridge {

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Retry:
      return "retry";
    case Verdict::Operator:
      return "operator";
    case Verdict::PoisonRow:
      return "poison-row";
    case Verdict::Gap:
      return "gap";
  }
  return "operator";
}

std::string describe(const Error& error) {
  std::string line = error.message;
  if (!error.code.empty()) line += " [" + error.code + "]";
  if (!error.remedy.empty()) line += "; " + error.remedy;
  return line;
}

}  // namespace walbridge
