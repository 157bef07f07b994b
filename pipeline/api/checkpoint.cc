#include "pipeline/api/checkpoint.h"

namespace walbridge {

const char* to_string(TableState state) {
  switch (state) {
    case TableState::Pending: return "pending";
    case TableState::Live: return "live";
    case TableState::Stopped: return "stopped";
  }
  return "pending";
}

}  // namespace walbridge
