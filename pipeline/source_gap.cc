#include "pipeline/source_gap.h"

namespace walbridge::pipeline {

std::optional<Error> source_gap(const std::string& name, const SinkState& state, const std::string& source_id,
                                const SlotStatus& slot) {
  if (!state.checkpoint) return std::nullopt;
  const auto gap = [&](const char* code, const std::string& what, const std::string& remedy) {
    return Error{Verdict::Gap, code, "cache " + name + ": " + what, remedy, {}};
  };
  const auto stands_at = to_string(state.checkpoint->end_lsn);
  const char* start_over = slot.topic ? kStartOverFromTopic : kStartOver;
  // "<source>@<stream>": the same source, but the topic's history was broken off.
  const auto source_of = [](const std::string& id) { return id.substr(0, id.find('@')); };
  if (slot.topic && state.source_id != source_id && state.source_id.find('@') != std::string::npos &&
      source_of(state.source_id) == source_of(source_id)) {
    return gap("kafka-other-stream",
               "stands at " + stands_at + " of a history that topic " + slot.topic->topic +
                   " no longer continues (it or the slot was made anew)",
               start_over);
  }
  if (state.source_id != source_id) {
    return gap("other-source", "was filled from another source (" + state.source_id + ", this is " + source_id + ")",
               std::string("point it at the right source, use another `name`, or ") + start_over);
  }
  if (!slot.exists) {
    return gap("slot-missing", "the replication slot is gone and with it the changes since " + stands_at, kStartOver);
  }
  if (slot.topic) {
    const auto& place = state.checkpoint->kafka;
    const auto holds =
        "[" + std::to_string(slot.topic->low_offset) + ", " + std::to_string(slot.topic->next_offset) + ")";
    if (place.topic != slot.topic->topic) {
      return gap("kafka-other-topic", "was fed from topic " + place.topic + ", this is " + slot.topic->topic,
                 start_over);
    }
    if (place.next_offset < slot.topic->low_offset) {
      return gap("kafka-retention",
                 "goes on at record " + std::to_string(place.next_offset) + ", which is gone: topic " + place.topic +
                     " holds " + holds + " (retention)",
                 start_over);
    }
    if (place.next_offset > slot.topic->next_offset) {
      return gap("kafka-rewound",
                 "goes on at record " + std::to_string(place.next_offset) + ", but topic " + place.topic + " holds " +
                     holds + " (deleted and made again, or rewound)",
                 start_over);
    }
  }
  if (state.checkpoint->end_lsn < slot.confirmed_flush_lsn) {
    return gap("slot-ahead",
               "stands at " + stands_at + " but the slot has given up everything before " +
                   to_string(slot.confirmed_flush_lsn) + " (a restored cache?)",
               start_over);
  }
  if (state.checkpoint->end_lsn > slot.current_lsn) {
    return gap(
        "future-lsn",
        "stands at " + stands_at + ", ahead of the source's " + to_string(slot.current_lsn) + " (a restored source?)",
        start_over);
  }
  return std::nullopt;
}

}  // namespace walbridge::pipeline
