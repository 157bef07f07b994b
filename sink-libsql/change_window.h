// Changes of the open transaction that wait to be applied in key order: neighbours in the key are neighbours on a page,
// and a later image of a row makes an earlier one needless. Holds only what commutes: changes of tables whose keys
// SQLite compares as bytes or integers, that do not change a key. Bounded; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "pipeline/api/arena.h"
#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"

namespace walbridge::sink_libsql {

class ChangeWindow {
 public:
  // False: the change has to be applied now, after everything that waits.
  static bool takes(const CacheChange& change);

  void add(const CacheChange& change);  // copies it; requires takes(change)
  bool full() const { return order_.size() >= kMostChanges || arena_.reserved() >= kMostBytes; }

  // Applies and forgets everything that waits. On an error the rest is forgotten too: the transaction is lost.
  Status drain(const std::function<Status(const CacheChange&)>& apply);
  void clear();

 private:
  static constexpr std::size_t kMostChanges = 50'000;
  static constexpr std::size_t kMostBytes = 12U << 20;

  struct Place {
    const CacheTable* table;
    std::uint64_t key;     // orders as SQLite does, at least on its first eight bytes
    std::uint32_t change;  // position in changes_, which is the order of arrival
  };

  Arena arena_{1U << 20};
  std::vector<CacheChange> changes_;
  std::vector<Place> order_;
};

}  // namespace walbridge::sink_libsql
