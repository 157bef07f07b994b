// pgoutput messages -> Events in a Chunk that owns their bytes. Invariant: what it yields is well-formed: TxBegin with
// a greater commit_lsn than all before, changes of relations that were announced with as many values as columns, then
// TxCommit; anything else is error "protocol". Of messages only walbridge's own that bear the trusted token become
// events. Origins, types, non-transactional and other messages are read and dropped. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/api/change.h"
#include "pipeline/api/result.h"
#include "source-pg/pgoutput.h"
#include "source-pg/relation_cache.h"

namespace walbridge::source_pg {

class ChangeAssembler {
 public:
  // Which messages of the stream are walbridge's; without a token none is.
  void trust(const std::string& token);

  // Forgets the open transaction and which relations were announced: a new session of the stream begins.
  void restart();

  // Must be called before the first append() to a chunk that other appends did not go to: from here on its
  // `relations` start to keep alive what its events refer to.
  void begin_fill() { ++fill_; }

  // Decodes one payload and appends what it says to `into`, copying its bytes once. On error `into` is unchanged
  // but for unused arena bytes and spare relations.
  Status append(std::string_view payload, Chunk& into);

  bool in_transaction() const { return open_commit_lsn_.has_value(); }
  // end_lsn of the last transaction that was yielded whole.
  Lsn last_end_lsn() const { return last_end_lsn_; }

 private:
  Status on(const pgoutput::Begin& message, Chunk& into);
  Status on(const pgoutput::Commit& message, Chunk& into);
  Status on(const pgoutput::Origin& message, Chunk& into);
  Status on(const pgoutput::Relation& message, Chunk& into);
  Status on(const pgoutput::Type& message, Chunk& into);
  Status on(const pgoutput::Insert& message, Chunk& into);
  Status on(const pgoutput::Update& message, Chunk& into);
  Status on(const pgoutput::Delete& message, Chunk& into);
  Status on(const pgoutput::Truncate& message, Chunk& into);
  Status on(const pgoutput::Message& message, Chunk& into);

  Result<const Relation*> relation(std::uint32_t oid, char tag, Chunk& into);
  Status append_row(std::uint32_t oid, char tag, RowChange change, Chunk& into);
  void say_once(std::string_view what);

  RelationCache relations_;
  std::string schema_prefix_;  // empty: no token
  std::string mark_prefix_;
  bool said_ = false;  // that a message was dropped, in this session
  std::optional<Lsn> open_commit_lsn_;
  Lsn last_commit_lsn_;
  Lsn last_end_lsn_;
  std::uint64_t fill_ = 1;
};

}  // namespace walbridge::source_pg
