// Source events <-> the bytes of a block or part (docs/kafka.md). Every value is complete in itself: it begins with the
// full description of each relation its rows refer to, so that reading may start at any record. Values of rows are the
// source's own text, never converted. Decoding trusts nothing: truncated, oversized or inconsistent bytes are Operator
// "kafka-broken-record". One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipeline/api/change.h"
#include "pipeline/api/result.h"
#include "pipeline/api/source.h"

namespace walbridge::kafka {

class ByteCursor;

// Collects events. A place() taken before an event is where the sequence may be cut.
class EventWriter {
 public:
  // An event of `owner`, whose `relations` hold what it refers to: TxBegin … TxCommit; IdlePosition is not for the log.
  void add(const Event& event, const Chunk& owner);
  bool empty() const { return body_.empty(); }
  std::size_t bytes() const;  // about what take() will return for everything

  // A mark between two events, until the next take().
  struct Place {
    std::size_t body = 0;
    std::size_t uses = 0;
  };
  Place place() const { return {body_.size(), uses_.size()}; }

  // The value that holds the events before `until`; those behind it stay. Clears `into` first.
  void take(Place until, std::string& into);
  void take(std::string& into) { take(place(), into); }
  void clear();

 private:
  struct Known {
    std::shared_ptr<const Relation> relation;  // keeps the key from being reused
    std::uint64_t number = 0;
    std::string description;       // as take() writes it
    std::uint64_t counted_in = 0;  // generation_ whose described_bytes_ hold it
  };
  // Events in a row of body_ that refer to the same relation, one after the other; so that a cut knows what either side
  // refers to.
  struct Use {
    Known* known = nullptr;
    std::size_t last = 0;  // where the last of those events begins
  };

  std::uint64_t use(const Relation& relation, std::size_t at, const Chunk& owner);
  Known& know(const Relation& relation, const Chunk& owner);
  void count(Known& known);
  void add_change(const RowChange& change, const Chunk& owner);
  void add_news(const SchemaNews& news);

  std::string body_;
  std::vector<Use> uses_;
  std::unordered_map<const Relation*, Known> known_;
  std::size_t known_bytes_ = 0;
  std::uint64_t next_number_ = 1;
  std::uint64_t generation_ = 1;     // of body_: one more after each cut
  std::size_t described_bytes_ = 0;  // descriptions that body_ needs
  std::vector<const Known*> to_describe_;
};

// Reads values back. Relations that were described in the same words before are the same objects again, so that plans
// stay bound.
class EventReader {
 public:
  // Copies what it needs of `value` into the chunk's arena and appends the events. TxCommit::resume_offset is left at
  // -1. Where a transaction begins in the value its events are in order; whether the first ones may stand where they
  // stand is for the caller to know. On error `into` is unchanged but for unused arena bytes.
  Status read(std::string_view value, Chunk& into);

 private:
  struct Known {
    std::string definition;
    std::shared_ptr<const Relation> relation;
    std::uint64_t described_in = 0;  // the read() whose value describes it
    std::size_t kept_at = 0;         // its place in the relations of the chunk it was last kept alive by
  };
  struct Frame;  // where in a transaction the reading is

  const char* read_value(std::string_view value, Chunk& into);
  const char* read_relations(ByteCursor& from, Chunk& into);
  const char* read_event(ByteCursor& from, Frame& frame, Chunk& into);
  const char* read_change(std::uint8_t tag, ByteCursor& from, Chunk& into);
  const char* read_truncated(ByteCursor& from, Chunk& into);
  const char* read_news(ByteCursor& from, Chunk& into);
  const Relation* relation(std::uint64_t number);
  void forget_idle();

  std::unordered_map<std::uint64_t, Known> known_;  // by the writer's number
  std::size_t known_bytes_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t last_number_ = 0;
  const Relation* last_relation_ = nullptr;
};

// A piece of a copied table.
std::string encode_piece(const ChunkPiece& piece);
Result<ChunkPiece> decode_piece(std::string_view value);

// The catalog of a publisher, with the estimates that SourceTable::json leaves out.
std::string encode_catalog(std::span<const SourceTable> tables);
Result<std::vector<SourceTable>> decode_catalog(std::string_view value);

// Why a request failed.
std::string encode_error(const Error& error);
Error decode_error(std::string_view value);

// What `walbridge kafka cat --json` prints of a record's value: an array of events with rows as objects
// {"op":"insert","table":"public.t","new":{…},"old":{…}}; unchanged TOAST values as {"unchanged":true}.
Result<std::string> events_as_json(std::string_view value);

}  // namespace walbridge::kafka
