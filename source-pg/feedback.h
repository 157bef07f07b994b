// When to send a status update and what to say in it; whether the server is still there. Invariant I2: `flush` never
// passes what the caller called durable nor what the stream has yielded, and never moves back. No clock and no I/O: the
// caller passes monotonic milliseconds. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "pipeline/api/lsn.h"
#include "source-pg/copy_both.h"

namespace walbridge::source_pg {

class Feedback {
 public:
  struct Pacing {
    std::int64_t interval_ms = 10'000;  // a sign of life at least so often; the unit of half-open detection
    // An advance alone is told at most so often: ten messages a second cost nothing, and nobody waits for the slot
    // to move except a server that shuts down.
    std::int64_t least_gap_ms = 100;
  };

  // A session begins at `from`, below which everything is durable.
  void restart(Pacing pacing, Lsn from, std::int64_t now_ms);

  void heard(std::int64_t now_ms);        // a byte came
  void server_asked() { asked_ = true; }  // a keepalive requested a reply
  void yielded(Lsn position);             // the caller was given everything below
  void durable(Lsn position);

  // What should be sent now, if anything. After sending it call sent().
  std::optional<StatusUpdate> due(std::int64_t now_ms) const;
  void sent(const StatusUpdate& update, std::int64_t now_ms);

  // The last word before leaving, if the server does not know it yet.
  std::optional<StatusUpdate> farewell() const;

  // Nothing came for three intervals although we asked for a reply after the first.
  bool dead(std::int64_t now_ms) const;

  // Milliseconds until due() or dead() may change by time alone; never negative.
  std::int64_t next_ms(std::int64_t now_ms) const;

  std::int64_t silent_ms(std::int64_t now_ms) const { return now_ms - heard_ms_; }

 private:
  StatusUpdate status() const;
  bool probe_due(std::int64_t now_ms) const;

  Pacing pacing_;
  Lsn yielded_;
  Lsn durable_;
  Lsn flush_sent_;
  bool asked_ = false;
  std::int64_t heard_ms_ = 0;
  std::int64_t sent_ms_ = 0;
  std::optional<std::int64_t> first_probe_ms_;  // since the last byte
  std::int64_t last_probe_ms_ = 0;
};

}  // namespace walbridge::source_pg
