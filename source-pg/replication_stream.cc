#include "source-pg/replication_stream.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "source-pg/application_name.h"
#include "source-pg/open.h"
#include "source-pg/pg_error.h"
#include "source-pg/start_replication.h"

namespace walbridge::source_pg {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

// While a backlog flows, read for so much, or after Backlog::kWaitUs, instead of for every message.
constexpr int kBacklogLowWater = 64 * 1024;

constexpr std::int64_t kIdleGapMs = 100;  // between two IdlePositions
constexpr milliseconds kLeaveTime{250};   // to let the server end the session, so that the slot is free afterwards
constexpr milliseconds kLongestInterval{10'000};
constexpr milliseconds kShortestInterval{100};

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now().time_since_epoch()).count();
}

std::int64_t now_ms() { return now_us() / 1000; }

Timestamp wall() {
  return {std::chrono::duration_cast<std::chrono::microseconds>(system_clock::now().time_since_epoch()).count()};
}

struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};
using CopyBuffer = std::unique_ptr<char, FreeMemory>;

// Postgres 18 warns and skips rows silently where older servers fail ("skipped loading publication", 55000).
void remember_lost_publication(void* lost, const PGresult* notice) {
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  const char* code = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
  if (severity == nullptr || code == nullptr || message == nullptr) return;
  if (std::strcmp(severity, "WARNING") == 0 && std::strcmp(code, "55000") == 0) {
    *static_cast<std::string*>(lost) = message;
  }
}

}  // namespace

Status ReplicationStream::start(StreamPosition position) {
  const Lsn from = position.lsn;
  stop();
  failure_.reset();
  if (wake_.get() < 0) {
    return Error{Verdict::Operator, "descriptors", "no file descriptor is left for the replication stream",
                 "raise the limit of open files (ulimit -n)"};
  }
  WALBRIDGE_TRY_AS(Connection connection,
                   Connection::open(options_.source, Connection::Kind::Replication, options_.application_name));
  WALBRIDGE_TRY_AS(const milliseconds timeout, set_sender_timeout(connection, options_.sender_timeout));
  WALBRIDGE_TRY(check_position(connection, options_.source.slot, from));
  PQsetNoticeReceiver(connection.raw(), remember_lost_publication, &lost_publication_);
  WALBRIDGE_TRY(start_replication(connection, options_.source, from));
  if (PQsetnonblocking(connection.raw(), 1) != 0) return error_from(connection.raw(), "starting the stream");

  Feedback::Pacing pacing;
  const milliseconds third = timeout.count() > 0 ? timeout / 3 : kLongestInterval;
  pacing.interval_ms = std::clamp(third, kShortestInterval, kLongestInterval).count();
  feedback_.restart(pacing, from, now_ms());
  assembler_.restart();
  position_ = from;
  idle_position_ = server_position_ = {};
  idle_yielded_ms_ = 0;
  unflushed_ = more_buffered_ = tls_unsettled_ = false;
  backlog_.restart();
  low_water_ = 1;
  lost_publication_.clear();
  connection_ = std::move(connection);
  return {};
}

Result<bool> ReplicationStream::poll(Chunk& into, std::size_t budget_bytes) {
  if (failure_) return *failure_;
  if (!connection_) return Error{Verdict::Retry, "not-streaming", "the replication stream is not open", ""};
  const std::size_t before = into.events.size();
  Status outcome = take(into, budget_bytes);
  if (outcome) {
    yield_idle(into);
    outcome = keep_alive();
  }
  const bool appended = into.events.size() > before;
  if (!outcome) {
    fail(std::move(outcome.error()));
    if (!appended) return *failure_;
  }
  return appended;
}

// Empties libpq's buffer, then reads what the socket held at the beginning: what arrives meanwhile is left to grow.
Status ReplicationStream::take(Chunk& into, std::size_t budget_bytes) {
  PGconn* const raw = connection_->raw();
  const std::size_t unread = note_unread_bytes();
  if (!more_buffered_ && backlog_.wait_us(now_us()) > 0 && unread < kBacklogLowWater) return {};
  std::size_t taken = 0;
  more_buffered_ = false;
  assembler_.begin_fill();
  bool read = false;
  while (true) {
    WALBRIDGE_TRY_AS(const Drained drained, drain(into, budget_bytes));
    taken += drained.bytes;
    if (drained.budget_used) {
      more_buffered_ = true;
      break;
    }
    if (read && (drained.bytes == 0 || taken >= unread)) break;
    if (PQconsumeInput(raw) == 0) return error_from(raw, "streaming");
    read = true;
  }
  tls_unsettled_ = PQsslInUse(raw) != 0 && (unread > 0 || taken > 0);
  backlog_.took(taken, now_us());
  return {};
}

Result<ReplicationStream::Drained> ReplicationStream::drain(Chunk& into, std::size_t budget_bytes) {
  Drained drained;
  char* bytes = nullptr;
  int size = 0;
  while ((size = PQgetCopyData(connection_->raw(), &bytes, 1)) > 0) {
    const CopyBuffer owner(bytes);
    drained.bytes += static_cast<std::size_t>(size);
    WALBRIDGE_TRY(on_frame({bytes, static_cast<std::size_t>(size)}, into));
    if (into.bytes() >= budget_bytes) {
      drained.budget_used = true;
      return drained;
    }
  }
  if (size == -1) return copy_ended();
  if (size == -2) return error_from(connection_->raw(), "streaming");
  if (!lost_publication_.empty()) {
    return Error{Verdict::Gap, "publication", "the server no longer sends the publication: " + lost_publication_,
                 "run `walbridge destroy --caches`, then `walbridge run` to copy everything again"};
  }
  return drained;
}

Status ReplicationStream::on_frame(std::string_view frame, Chunk& into) {
  WALBRIDGE_TRY_AS(const ServerFrame decoded, decode_frame(frame));
  if (const auto* data = std::get_if<XLogData>(&decoded)) {
    server_position_ = std::max(server_position_, data->wal_end);
    WALBRIDGE_TRY(assembler_.append(data->payload, into));
    position_ = std::max(position_, assembler_.last_end_lsn());
    feedback_.yielded(position_);
    return {};
  }
  const auto& keepalive = *std::get_if<Keepalive>(&decoded);
  server_position_ = std::max(server_position_, keepalive.wal_end);
  if (keepalive.reply_requested) feedback_.server_asked();
  // Inside a transaction its commit is still to come, whatever the server has read so far.
  if (!assembler_.in_transaction()) idle_position_ = std::max(idle_position_, keepalive.wal_end);
  return {};
}

// The server left CopyBoth: an error, or a shutdown that waits for nobody any more.
Error ReplicationStream::copy_ended() const {
  const Rows outcome(PQgetResult(connection_->raw()));
  if (outcome.raw() != nullptr && PQresultStatus(outcome.raw()) == PGRES_FATAL_ERROR) {
    return error_from(outcome.raw(), "streaming");
  }
  return {Verdict::Retry, "stream-ended", "the server ended the replication stream, as it does when it shuts down", ""};
}

void ReplicationStream::yield_idle(Chunk& into) {
  if (assembler_.in_transaction() || idle_position_ <= position_) return;
  const std::int64_t now = now_ms();
  if (now - idle_yielded_ms_ < kIdleGapMs) return;
  into.events.emplace_back(IdlePosition{idle_position_});
  position_ = idle_position_;
  idle_yielded_ms_ = now;
  feedback_.yielded(position_);
}

Status ReplicationStream::confirm(Lsn durable) {
  if (failure_) return *failure_;
  if (!connection_) return Error{Verdict::Retry, "not-streaming", "the replication stream is not open", ""};
  feedback_.durable(durable);
  note_unread_bytes();
  if (Status outcome = keep_alive(); !outcome) return fail(std::move(outcome.error()));
  return {};
}

Status ReplicationStream::keep_alive() {
  const std::int64_t now = now_ms();
  if (feedback_.dead(now)) {
    return Error{Verdict::Retry, "stream-silent",
                 fmt::format("the server has not answered for {} s", feedback_.silent_ms(now) / 1000), ""};
  }
  // While the socket takes nothing, another update would only pile up behind the first.
  if (unflushed_) WALBRIDGE_TRY(flush());
  if (unflushed_) return {};
  if (const std::optional<StatusUpdate> update = feedback_.due(now)) return send(*update);
  return {};
}

Status ReplicationStream::send(const StatusUpdate& update) {
  const auto frame = encode(update, wall());
  const int taken = PQputCopyData(connection_->raw(), frame.data(), static_cast<int>(frame.size()));
  if (taken < 0) return error_from(connection_->raw(), "confirming a position");
  if (taken == 0) return {};  // no room: still due
  feedback_.sent(update, now_ms());
  return flush();
}

Status ReplicationStream::flush() {
  const int left = PQflush(connection_->raw());
  if (left < 0) return error_from(connection_->raw(), "confirming a position");
  unflushed_ = left > 0;
  return {};
}

Error ReplicationStream::fail(Error error) {
  connection_.reset();
  failure_ = std::move(error);
  return *failure_;
}

// Bytes that wait in the socket are a sign of life even while nobody takes them.
std::size_t ReplicationStream::note_unread_bytes() {
  int unread = 0;
  if (ioctl(PQsocket(connection_->raw()), FIONREAD, &unread) != 0 || unread <= 0) return 0;
  feedback_.heard(now_ms());
  return static_cast<std::size_t>(unread);
}

// On anything but TCP this has no effect.
void ReplicationStream::set_low_water(int bytes) {
  if (bytes == low_water_) return;
  setsockopt(PQsocket(connection_->raw()), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
  low_water_ = bytes;
}

std::int64_t ReplicationStream::wait_ms(milliseconds at_most, bool take_data) const {
  const std::int64_t now = now_ms();
  std::int64_t wait = std::min<std::int64_t>(at_most.count(), feedback_.next_ms(now));
  if (take_data && tls_unsettled_) wait = std::min<std::int64_t>(wait, 1);
  if (take_data && backlog_.flows()) wait = std::min(wait, (backlog_.wait_us(now_us()) + 999) / 1000);
  if (take_data && !assembler_.in_transaction() && idle_position_ > position_) {
    wait = std::min(wait, idle_yielded_ms_ + kIdleGapMs - now);
  }
  return std::max<std::int64_t>(wait, 0);
}

void ReplicationStream::wait(milliseconds at_most, bool take_data) {
  if (take_data && (failure_ || more_buffered_)) return;
  std::array<pollfd, 2> descriptors{pollfd{wake_.get(), POLLIN, 0}, pollfd{-1, 0, 0}};
  std::int64_t timeout = std::max<std::int64_t>(at_most.count(), 0);
  if (connection_) {
    timeout = wait_ms(at_most, take_data);
    if (take_data) {
      set_low_water(backlog_.flows() ? kBacklogLowWater : 1);
      descriptors[1].events |= POLLIN;
    }
    if (unflushed_) descriptors[1].events |= POLLOUT;
    // A broken socket would wake a caller who does not want to read, again and again.
    if (descriptors[1].events != 0) descriptors[1].fd = PQsocket(connection_->raw());
  }
  ::poll(descriptors.data(), descriptors.size(), static_cast<int>(timeout));
  wake_.clear();
}

std::int64_t ReplicationStream::silent_ms() const { return connection_ ? feedback_.silent_ms(now_ms()) : 0; }

void ReplicationStream::stop() noexcept {
  if (!connection_) return;
  leave();
  connection_.reset();
}

// Tells the last durable position and ends the session in order: a socket closed with unread bytes is reset, and the
// server may then never see the confirmation.
void ReplicationStream::leave() noexcept {
  PGconn* const raw = connection_->raw();
  if (const std::optional<StatusUpdate> update = feedback_.farewell()) {
    if (!send(*update)) return;
  }
  if (PQputCopyEnd(raw, nullptr) < 0 || !flush()) return;
  set_low_water(1);
  const auto deadline = steady_clock::now() + kLeaveTime;
  while (steady_clock::now() < deadline) {
    char* bytes = nullptr;
    int size = 0;
    while ((size = PQgetCopyData(raw, &bytes, 1)) > 0) PQfreemem(bytes);
    if (size < 0) return;
    pollfd socket{PQsocket(raw), static_cast<short>(POLLIN | (unflushed_ ? POLLOUT : 0)), 0};
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
    ::poll(&socket, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (PQconsumeInput(raw) == 0 || !flush()) return;
  }
}

std::unique_ptr<Source> open_source(const config::Config& config) {
  return std::make_unique<ReplicationStream>(ReplicationStream::Options{config.source, kApplicationPrefix + " stream"});
}

}  // namespace walbridge::source_pg
