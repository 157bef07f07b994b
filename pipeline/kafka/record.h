// What every record of the topic says of itself in its headers, readable with any Kafka tool: the publisher's part of
// docs/kafka.md. The log holds logical records; one that is larger than a message may be lies in it as several slices
// that follow each other (from one writer).
//
// Invariant of the log: everything up to position `to` of any record of a stream is complete in the log at or before
// that record, for its writer published it, or found it there.
#pragma once

#include <cstdint>
#include <string>

#include "pipeline/api/lsn.h"
#include "pipeline/api/result.h"
#include "pipeline/api/timestamp.h"
#include "pipeline/kafka/log.h"

namespace walbridge::kafka {

enum class RecordKind {
  Start,     // a writer begins; what older writers still send after this counts for nothing
  Block,     // whole source transactions, one or many
  Part,      // one transaction too large for a block: parts 0, 1, … and a last one; events in order
  Progress,  // no transaction: the source has nothing for anybody up to `to`; also a sign of life
  Chunk,     // piece of a table that somebody asked for (kafka/requests.h), or why it cannot be had
  Answer,    // to a request for the catalog (encode_catalog()) or for a copy (a position, as text)
};

const char* to_string(RecordKind kind);  // "start", "block", …

struct RecordHead {
  RecordKind kind = RecordKind::Block;
  std::string stream;       // UUID: one unbroken history; another one means a gap
  std::string writer;       // UUID of one life of a publisher
  std::uint64_t epoch = 0;  // rises with each writer: what comes of a lower one after a higher one counts for nothing
  std::string source_id;    // SourceAdmin::identity() of the source (I6)
  Lsn from;                 // position the log was complete up to before this record
  Lsn to;                   // … and is with it. Both are positions to start a stream at (end_lsn).
  Timestamp
      committed_at;  // of the last transaction; Progress: when the publisher's source was last known to have no more
  std::uint64_t request = 0;  // Chunk, Answer: what it answers
  std::uint32_t part = 0;     // Part
  bool last = false;          // Part: the transaction's last; Chunk: the request's last
  bool failed = false;        // Chunk, Answer: the value is an error
  std::uint32_t slice = 0;    // of a record that is cut
  std::uint32_t slices = 1;
};

inline constexpr int kFormatVersion = 1;

// Headers: wb=1, k, s, w, e, o, p (from), l (to), t, and q, n, end, err, slice where they apply.
Headers to_headers(const RecordHead& head);
// Operator "kafka-foreign-record" when they are not ours, "kafka-other-version" when of a version this one cannot read;
// the message names the offset.
Result<RecordHead> head_of(const LogRecord& record);
Result<RecordHead> head_of(const LogRecord& record, const std::string& topic);  // the message names the topic, too

}  // namespace walbridge::kafka
