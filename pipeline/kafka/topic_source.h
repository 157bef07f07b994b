// A Source that reads a topic which a publisher writes (record.h). Invariants: it yields every transaction of the
// stream in commit order, whole or cut as the publisher cut it, and nothing else; a hole, another stream or an offset
// that is gone is a Gap (I6), never gone over. What an older writer still sends after a newer one has begun counts for
// nothing. Owned by the reader thread; wake() may come from any.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "pipeline/api/clock.h"
#include "pipeline/api/source.h"
#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/log.h"
#include "pipeline/kafka/record.h"
#include "pipeline/kafka/topic_stats.h"

namespace walbridge::kafka {

class TopicSource final : public Source {
 public:
  // What comes of copies that lanes asked for.
  struct Copies {
    std::function<bool(std::uint64_t)> wanted;
    std::function<void(Result<ChunkPiece>, std::uint64_t)> deliver;
    std::function<bool()> has_room;
  };

  TopicSource(std::unique_ptr<LogReader> reader, std::string topic, const Clock& clock, TopicStats& stats)
      : reader_(std::move(reader)), topic_(std::move(topic)), clock_(clock), stats_(stats) {}

  void set_copies(Copies copies) { copies_ = std::move(copies); }

  Status start(StreamPosition from) override;
  Result<bool> poll(Chunk& into, std::size_t budget_bytes) override;
  Status confirm(Lsn) override { return Done{}; }
  void wait(std::chrono::milliseconds at_most, bool take_data) override;
  void wake() noexcept override;
  void stop() noexcept override;
  // "<identity of the source>@<stream>": what the caches are fed from; another one is a gap.
  void trust(const std::string& source_id) override { expected_ = source_id; }
  std::int64_t silent_ms() const override;
  Lsn server_position() const override { return position_; }

 private:
  Status look_back(std::int64_t offset, const LogRange& range);
  Status check_stream(const RecordHead& head, std::int64_t offset) const;
  Status take(const LogRecord& record, Chunk& into);
  Status on_record(const RecordHead& head, std::string_view value, std::int64_t first, std::int64_t next, Chunk& into);
  Status on_events(const RecordHead& head, std::string_view value, std::int64_t first, std::int64_t next, Chunk& into);
  Status on_part(const RecordHead& head, std::string_view value, std::int64_t first, std::int64_t next, Chunk& into);
  Status check_frame(const Chunk& into, std::size_t before, bool begins, bool ends, std::int64_t offset) const;
  void on_copy(const RecordHead& head, std::string_view value) const;
  Error cut_off();
  Error gap(const char* code, const std::string& what) const;
  void yield_idle(Chunk& into);

  const std::unique_ptr<LogReader> reader_;
  const std::string topic_;
  const Clock& clock_;
  TopicStats& stats_;
  Copies copies_;
  std::string expected_;

  bool streaming_ = false;
  Lsn position_;                   // everything before it was yielded
  std::int64_t next_offset_ = 0;   // … and lies before this record, unless parts are open
  std::int64_t idle_offset_ = -1;  // of the last idle position yielded
  Lsn idle_position_;
  std::uint64_t epoch_ = 0;
  EventReader events_;
  std::string events_writer_;  // whose relation numbers events_ knows
  std::int64_t heard_ms_ = 0;

  // A record that lies in slices.
  std::string sliced_;
  RecordHead sliced_head_;
  std::int64_t sliced_first_ = 0;
  std::uint32_t next_slice_ = 0;

  // A transaction that lies in parts.
  bool parts_open_ = false;
  bool parts_skipped_ = false;  // it is in the caches already, or its writer died in the middle of it
  std::string parts_writer_;
  std::uint32_t next_part_ = 0;
  std::int64_t parts_first_ = 0;
  // First parts whose writer never came to the end, by offset and writer: a topic may be rewound.
  std::set<std::pair<std::int64_t, std::string>> dead_parts_;
};

}  // namespace walbridge::kafka
