#include "pipeline/kafka/value_bytes.h"

#include <algorithm>
#include <bit>

#include "pipeline/api/source_json.h"

namespace walbridge::kafka {
namespace {

// What stands before a value of a row; a text of n bytes is n + kText.
constexpr std::uint64_t kNull = 0;
constexpr std::uint64_t kUnchanged = 1;
constexpr std::uint64_t kText = 2;

constexpr std::uint8_t kKeyColumn = 1;
constexpr std::size_t kLeastColumn = 4;  // bytes of a column's description

bool is_identity(std::uint8_t letter) { return letter == 'd' || letter == 'n' || letter == 'f' || letter == 'i'; }

}  // namespace

void append_double(std::string& to, double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  for (unsigned shift = 0; shift < 64; shift += 8) to += static_cast<char>(static_cast<std::uint8_t>(bits >> shift));
}

double ByteCursor::floating() {
  const std::string_view found = bytes(8);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    bits |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(found[i])) << (8 * i);
  }
  return std::bit_cast<double>(bits);
}

std::uint64_t ByteCursor::long_number() {
  std::uint64_t number = 0;
  for (unsigned shift = 0; at_ != end_; shift += 7) {
    const auto next = static_cast<std::uint8_t>(*at_++);
    if (shift == 63 && next > 1) break;  // more than 64 bits
    number |= static_cast<std::uint64_t>(next & 0x7F) << shift;
    if (next < 0x80) return number;
  }
  fail();
  return 0;
}

std::size_t ByteCursor::count(std::size_t least_bytes) {
  const std::uint64_t found = number();
  if (found > left() / least_bytes) return fail(), std::size_t{0};
  return static_cast<std::size_t>(found);
}

void append_relation(std::string& to, const Relation& relation) {
  append_number(to, relation.oid);
  append_text(to, relation.schema);
  append_text(to, relation.name);
  to += static_cast<char>(relation.replica_identity);
  append_number(to, relation.columns.size());
  for (const Relation::Column& column : relation.columns) {
    append_text(to, column.name);
    append_number(to, column.type_oid);
    append_signed(to, column.typmod);
    to += static_cast<char>(column.key ? kKeyColumn : 0);
  }
}

bool read_relation(ByteCursor& from, Relation& into) {
  into.oid = from.number_of<std::uint32_t>();
  into.schema = from.text();
  into.name = from.text();
  const std::uint8_t identity = from.byte();
  if (!is_identity(identity)) return from.fail(), false;
  into.replica_identity = static_cast<ReplicaIdentity>(identity);
  into.columns.resize(from.count(kLeastColumn));
  for (Relation::Column& column : into.columns) {
    column.name = from.text();
    column.type_oid = from.number_of<std::uint32_t>();
    const std::int64_t typmod = from.signed_number();
    const std::uint8_t flags = from.byte();
    if (!std::in_range<std::int32_t>(typmod) || flags > kKeyColumn) from.fail();
    if (from.failed()) return false;
    column.typmod = static_cast<std::int32_t>(typmod);
    column.key = flags == kKeyColumn;
  }
  return !from.failed();
}

void append_row(std::string& to, std::span<const WireValue> row) {
  std::size_t most = 0;
  for (const WireValue& value : row) most += value.text.size() + kLongestNumber;
  const std::size_t begin = to.size();
  to.resize(begin + most);
  char* at = to.data() + begin;
  for (const WireValue& value : row) {
    if (value.kind == WireValue::Kind::Text) {
      at = write_number(at, value.text.size() + kText);
      at = value.text.empty() ? at : std::copy_n(value.text.data(), value.text.size(), at);
    } else {
      at = write_number(at, value.kind == WireValue::Kind::Null ? kNull : kUnchanged);
    }
  }
  to.resize(static_cast<std::size_t>(at - to.data()));
}

bool read_row(ByteCursor& from, std::span<WireValue> into) {
  for (WireValue& value : into) {
    const std::uint64_t what = from.number();
    if (what >= kText) {
      value.kind = WireValue::Kind::Text;
      value.text = from.bytes(what - kText);
    } else {
      value.kind = what == kNull ? WireValue::Kind::Null : WireValue::Kind::Unchanged;
      value.text = {};
    }
  }
  return !from.failed();
}

void append_table(std::string& to, const SourceTable& table) {
  append_text(to, table.json);
  append_double(to, table.estimated_rows);
  append_number(to, table.bytes);
}

bool read_table(ByteCursor& from, SourceTable& into) {
  auto table = source_table_from_json(from.text());
  const double rows = from.floating();
  const std::uint64_t bytes = from.number();
  if (!table || from.failed()) return from.fail(), false;
  into = *std::move(table);
  into.estimated_rows = rows;
  into.bytes = bytes;
  return true;
}

Error broken_record(std::string_view what) {
  return {Verdict::Operator,
          "kafka-broken-record",
          "a record of the topic is broken: " + std::string(what),
          "`walbridge kafka cat` shows it; keep other programs from writing into the topic, then resync the cache",
          {}};
}

}  // namespace walbridge::kafka
