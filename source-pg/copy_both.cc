#include "source-pg/copy_both.h"

#include <fmt/format.h>

#include "source-pg/pgoutput.h"
#include "source-pg/wire_cursor.h"

namespace walbridge::source_pg {
namespace {

// Unlike in pgoutput, a strange clock is no reason to stop: nothing is computed from it. The wrap is well-defined.
Timestamp timestamp(WireCursor& in) {
  return {static_cast<std::int64_t>(in.u64() + static_cast<std::uint64_t>(kPostgresEpochMicros))};
}

}  // namespace

Result<ServerFrame> decode_frame(std::string_view frame) {
  WireCursor in(frame);
  ServerFrame decoded;
  const std::uint8_t tag = in.u8();
  if (tag == 'w') {
    XLogData& data = decoded.emplace<XLogData>();
    data.data_start = {in.u64()};
    data.wal_end = {in.u64()};
    data.sent_at = timestamp(in);
    data.payload = in.rest();
  } else if (tag == 'k') {
    Keepalive& keepalive = decoded.emplace<Keepalive>();
    keepalive.wal_end = {in.u64()};
    keepalive.sent_at = timestamp(in);
    keepalive.reply_requested = in.u8() != 0;
  } else {
    return pgoutput::protocol_error(fmt::format("the server sent a frame of the unknown kind 0x{:02x}", tag));
  }
  if (in.failed() || !in.at_end()) {
    return pgoutput::protocol_error(fmt::format("malformed frame '{}' of {} bytes, at offset {}",
                                                static_cast<char>(tag), frame.size(), in.offset()));
  }
  return decoded;
}

std::array<char, kStatusUpdateBytes> encode(const StatusUpdate& update, Timestamp now) {
  std::array<char, kStatusUpdateBytes> frame{};
  frame[0] = 'r';
  store_u64(&frame[1], update.write.value);
  store_u64(&frame[9], update.flush.value);
  store_u64(&frame[17], update.flush.value);  // apply: what is durable is applied
  store_u64(&frame[25], static_cast<std::uint64_t>(now.micros - kPostgresEpochMicros));
  frame[33] = update.request_reply ? 1 : 0;
  return frame;
}

}  // namespace walbridge::source_pg
