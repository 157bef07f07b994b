// The newest version of each relation the stream has described. A Relation message that repeats what is known keeps the
// same object, across reconnects too, so that lanes keep what they bound to it; anything else makes a new object.
// Invariant: only relations announced since the last forget_announcements() are found, as the server announces each
// before its first row of a session. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "pipeline/api/change.h"
#include "source-pg/pgoutput.h"

namespace walbridge::source_pg {

class RelationCache {
 public:
  struct Entry {
    std::shared_ptr<const Relation> relation;
    std::uint64_t announced_in = 0;
    std::uint64_t kept_alive_by = 0;  // the fill (see ChangeAssembler) whose chunk already holds `relation`
  };

  void announce(const pgoutput::Relation& message);

  // Null: not announced. Valid until the next announce().
  Entry* find(std::uint32_t oid);

  // A new session of the stream begins.
  void forget_announcements();

 private:
  std::unordered_map<std::uint32_t, Entry> entries_;
  std::uint64_t session_ = 1;
  Entry* last_found_ = nullptr;  // rows come in runs of one table
};

}  // namespace walbridge::source_pg
