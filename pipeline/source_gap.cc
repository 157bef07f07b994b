#include "pipeline/source_gap.h"

namespace walbridge::pipeline {

std::optional<Error> source_gap(const std::string& name, const SinkState& state, const std::string& source_id,
                                const SlotStatus& slot) {
  if (!state.checkpoint) return std::nullopt;
  const auto gap = [&](const char* code, const std::string& what, const std::string& remedy) {
    return Error{Verdict::Gap, code, "cache " + name + ": " + what, remedy, {}};
  };
  const auto stands_at = to_string(state.checkpoint->end_lsn);
  if (state.source_id != source_id) {
    return gap("other-source", "was filled from another source (" + state.source_id + ", this is " + source_id + ")",
               std::string("point it at the right source, use another `name`, or ") + kStartOver);
  }
  if (!slot.exists) {
    return gap("slot-missing", "the replication slot is gone and with it the changes since " + stands_at, kStartOver);
  }
  if (state.checkpoint->end_lsn < slot.confirmed_flush_lsn) {
    return gap("slot-ahead",
               "stands at " + stands_at + " but the slot has given up everything before " +
                   to_string(slot.confirmed_flush_lsn) + " (a restored cache?)",
               kStartOver);
  }
  if (state.checkpoint->end_lsn > slot.current_lsn) {
    return gap("future-lsn",
               "stands at " + stands_at + ", ahead of the source's " + to_string(slot.current_lsn) + " (a restored source?)",
               kStartOver);
  }
  return std::nullopt;
}

}  // namespace walbridge::pipeline
