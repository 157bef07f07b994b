// Events made from a seed, as a source might yield them: every kind of change, odd texts, positions up to the last one.
// The same seed gives the same events. For tests; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pipeline/api/change.h"

namespace walbridge::kafka::testing {

class RandomEvents {
 public:
  explicit RandomEvents(std::uint64_t seed);

  // Whole transactions; TxBegin::commit_lsn grows over all calls.
  void append_transactions(std::size_t count, Chunk& into);

  std::shared_ptr<const Relation> relation();  // one of a few
  std::vector<WireValue> row(std::size_t columns, Arena& arena);
  std::string text();
  std::uint64_t number();  // of any size
  std::size_t below(std::size_t end);

 private:
  Event change(Chunk& into);
  Event truncate(Chunk& into);
  Event news(Chunk& into);

  std::mt19937_64 random_;
  std::vector<std::shared_ptr<const Relation>> relations_;
  std::uint64_t lsn_ = 1;
};

// What two events, or all events of two chunks, say; for comparing. Relations by their content.
std::string to_text(const Event& event);
std::string to_text(const Relation& relation);
std::vector<std::string> to_texts(const Chunk& chunk);

// A table with a description that source_table_from_json() reads.
SourceTable described_table(std::uint32_t oid, const std::string& name);

}  // namespace walbridge::kafka::testing
