// The frames inside the CopyData messages of streaming replication: XLogData and primary keepalive from the server,
// standby status update to it (https://www.postgresql.org/docs/current/protocol-replication.html). Pure; any thread.
#pragma once

#include <array>
#include <string_view>
#include <variant>

#include "pipeline/api/lsn.h"
#include "pipeline/api/result.h"
#include "pipeline/api/timestamp.h"

namespace walbridge::source_pg {

struct XLogData {  // 'w'
  Lsn data_start;  // not monotonic across transactions: never a position of ours
  Lsn wal_end;
  Timestamp sent_at;
  std::string_view payload;  // one logical replication message
};

struct Keepalive {  // 'k'
  Lsn wal_end;      // everything below was sent, or will never be
  Timestamp sent_at;
  bool reply_requested = false;
};

using ServerFrame = std::variant<XLogData, Keepalive>;

// Error "protocol" as in pgoutput::decode. `payload` is a view into `frame`.
Result<ServerFrame> decode_frame(std::string_view frame);

struct StatusUpdate {  // 'r'
  Lsn write;           // received
  Lsn flush;           // durable: the only one that moves a logical slot
  bool request_reply = false;
};

constexpr std::size_t kStatusUpdateBytes = 1 + 4 * 8 + 1;

std::array<char, kStatusUpdateBytes> encode(const StatusUpdate& update, Timestamp now);

}  // namespace walbridge::source_pg
