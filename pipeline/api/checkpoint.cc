#include "pipeline/api/checkpoint.h"

#include <algorithm>

namespace walbridge {

const char* to_string(TableState state) {
  switch (state) {
    case TableState::Pending:
      return "pending";
    case TableState::Live:
      return "live";
    case TableState::Stopped:
      return "stopped";
  }
  return "pending";
}

bool is_live(std::span<const TableRecord> records, std::uint32_t source_oid) {
  return std::any_of(records.begin(), records.end(), [&](const TableRecord& record) {
    return record.source_oid == source_oid && record.state == TableState::Live;
  });
}

}  // namespace walbridge
