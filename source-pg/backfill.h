// BackfillSource over one ordinary connection, made on first use and again after a failure. A chunk is one READ ONLY
// transaction that begins with the locks (ACCESS SHARE on everything it reads), so that no change of the schema comes
// between its snapshot and its rows; it ends with the chunk's last row, with any failure, and with close().
// The backfill thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "config/config.h"
#include "pipeline/api/source.h"
#include "source-pg/backfill_writers.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

class ChunkSource final : public BackfillSource {
 public:
  explicit ChunkSource(config::Source source) : source_(std::move(source)) {}

  void trust(const std::string& token) override { token_ = token; }
  Status open(const ChunkRequest& request) override;
  Result<ChunkPiece> next() override;
  Status mark(std::uint64_t chunk) override;
  void close() noexcept override;

 private:
  struct OpenChunk {  // exists while its transaction is open
    ChunkRequest request;
    XidSnapshot snapshot;
    Relation seen;
    std::unordered_set<std::uint32_t> heaps;  // where rows may lie
    std::size_t rows = 0;
    std::size_t bytes = 0;
  };

  Status connect();
  Status wait_for_writers(const ChunkRequest& request);
  Result<OpenChunk> begin(const ChunkRequest& request);
  Status fetch(ChunkPiece& piece);
  std::size_t rows_to_fetch(const ChunkPiece& piece) const;
  bool full() const;  // the chunk has as much as it may

  config::Source source_;
  std::string token_;
  Connection connection_;
  std::optional<OpenChunk> chunk_;
  struct Pace {  // of the last rows that came
    std::size_t rows = 0;
    std::size_t bytes_per_row = 0;
  };
  std::map<std::uint32_t, OpenWriters> writers_;  // by table, while they are waited for
  std::map<std::uint32_t, Pace> paces_;           // by table
};

}  // namespace walbridge::source_pg
