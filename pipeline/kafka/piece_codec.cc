#include <algorithm>

#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/value_bytes.h"

namespace walbridge::kafka {
namespace {

constexpr std::uint8_t kEndsChunk = 1;
constexpr std::uint8_t kEndsTable = 2;

bool read_snapshot(ByteCursor& from, XidSnapshot& into) {
  into.xmin = from.number();
  into.xmax = from.number();
  into.running.resize(from.count());
  for (std::uint64_t& xid : into.running) xid = from.number();
  return !from.failed() && std::is_sorted(into.running.begin(), into.running.end());
}

}  // namespace

std::string encode_piece(const ChunkPiece& piece) {
  std::string value(1, static_cast<char>(kValueVersion));
  append_number(value, piece.id);
  append_number(value, piece.snapshot.xmin);
  append_number(value, piece.snapshot.xmax);
  append_number(value, piece.snapshot.running.size());
  for (const std::uint64_t xid : piece.snapshot.running) append_number(value, xid);
  append_relation(value, piece.seen);
  value += static_cast<char>((piece.ends_chunk ? kEndsChunk : 0) | (piece.ends_table ? kEndsTable : 0));
  append_number(value, piece.rows);
  const std::size_t columns = piece.seen.columns.size();
  const std::span<const WireValue> values = piece.values;
  for (std::size_t row = 0; row < piece.rows; ++row) {
    append_number(value, piece.heaps[row]);
    append_row(value, values.subspan(row * columns, columns));
  }
  return value;
}

Result<ChunkPiece> decode_piece(std::string_view value) {
  ByteCursor head(value);
  if (head.byte() != kValueVersion) return broken_record("a piece of a table does not begin as one");
  ChunkPiece piece;
  piece.id = head.number();
  const bool described = read_snapshot(head, piece.snapshot) && read_relation(head, piece.seen);
  const std::uint8_t flags = head.byte();
  if (!described || flags > (kEndsChunk | kEndsTable)) return broken_record("a piece of a table has a broken head");
  piece.ends_chunk = (flags & kEndsChunk) != 0;
  piece.ends_table = (flags & kEndsTable) != 0;
  const std::size_t columns = piece.seen.columns.size();
  piece.rows = head.count(columns + 1);  // an oid, and a byte at least for each value
  ByteCursor rows(piece.arena.copy(head.rest()));
  piece.heaps.resize(piece.rows);
  piece.values.resize(piece.rows * columns);
  const std::span<WireValue> values = piece.values;
  for (std::size_t row = 0; row < piece.rows; ++row) {
    piece.heaps[row] = rows.number_of<std::uint32_t>();
    if (!read_row(rows, values.subspan(row * columns, columns))) break;
  }
  if (head.failed() || rows.failed() || !rows.at_end()) {
    return broken_record("a piece of a table is shorter or longer than it says");
  }
  return piece;
}

}  // namespace walbridge::kafka
