// Source over one replication connection in CopyBoth. Invariants: it yields nothing the assembler did not accept, an
// IdlePosition only between transactions, and positions that only rise; it confirms as Feedback says (I2). Only start()
// and stop() block, both with bounds. Owned by the reader thread; wake() may come from any.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "config/config.h"
#include "pipeline/api/source.h"
#include "source-pg/backlog.h"
#include "source-pg/change_assembler.h"
#include "source-pg/connection.h"
#include "source-pg/copy_both.h"
#include "source-pg/feedback.h"
#include "source-pg/wake_descriptor.h"

namespace walbridge::source_pg {

class ReplicationStream final : public Source {
 public:
  struct Options {
    config::Source source;
    std::string application_name;
    // Asked of the server for this session; a sign of life goes out every third of it, at most every ten seconds.
    std::chrono::milliseconds sender_timeout{60'000};
  };

  explicit ReplicationStream(Options options) : options_(std::move(options)) {}
  ~ReplicationStream() override { stop(); }

  Status start(StreamPosition position) override;
  // When messages came before a failure, returns them first and the failure next time.
  Result<bool> poll(Chunk& into, std::size_t budget_bytes) override;
  Status confirm(Lsn durable) override;
  void wait(std::chrono::milliseconds at_most, bool take_data) override;
  void wake() noexcept override { wake_.signal(); }
  void stop() noexcept override;
  void trust(const std::string& token) override { assembler_.trust(token); }
  std::int64_t silent_ms() const override;
  Lsn server_position() const override { return server_position_; }

 private:
  struct Drained {
    std::size_t bytes = 0;
    bool budget_used = false;
  };

  Status take(Chunk& into, std::size_t budget_bytes);
  Result<Drained> drain(Chunk& into, std::size_t budget_bytes);
  Status on_frame(std::string_view frame, Chunk& into);
  Error copy_ended() const;
  void yield_idle(Chunk& into);

  Status keep_alive();
  Status send(const StatusUpdate& update);
  Status flush();
  Error fail(Error error);

  std::size_t note_unread_bytes();
  void set_low_water(int bytes);
  std::int64_t wait_ms(std::chrono::milliseconds at_most, bool take_data) const;
  void leave() noexcept;

  Options options_;
  WakeDescriptor wake_;
  std::optional<Connection> connection_;  // none: not started, stopped or failed
  std::optional<Error> failure_;
  ChangeAssembler assembler_;
  Feedback feedback_;

  Lsn position_;       // everything below was yielded
  Lsn idle_position_;  // of the newest keepalive; yielded when it is ahead and due
  std::int64_t idle_yielded_ms_ = 0;
  Lsn server_position_;
  std::string lost_publication_;  // filled by the notice receiver

  bool unflushed_ = false;      // libpq holds bytes the socket did not take
  bool more_buffered_ = false;  // the last poll() stopped at its budget
  Backlog backlog_;
  // A read may leave the rest of a TLS record inside the library, where poll() on the socket does not see it: one
  // more read, soon, gets it. True until a read found nothing.
  bool tls_unsettled_ = false;
  int low_water_ = 1;
};

}  // namespace walbridge::source_pg
