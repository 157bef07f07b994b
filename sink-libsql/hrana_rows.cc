#include "sink-libsql/hrana_rows.h"

#include <cstring>

#include "sink-libsql/remote_sql.h"

namespace walbridge::sink_libsql {
namespace {

bool has_bytes(const SqlValue& value) {
  return value.kind == SqlValue::Kind::Text || value.kind == SqlValue::Kind::Blob;
}

const CacheColumn& column_at(const CacheTable& table, std::span<const std::uint16_t> positions, std::size_t i) {
  return table.columns[positions.empty() ? i : positions[i]];
}

std::string named(const CacheTable& table, const CacheColumn& column) {
  return "table \"" + table.name + "\", column \"" + column.name + "\"";
}

// Unicode 15, table 3-7: well-formed UTF-8 byte sequences.
bool is_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    std::uint64_t eight = 0;
    while (end - at >= 8) {
      std::memcpy(&eight, at, 8);
      if ((eight & 0x8080808080808080ULL) != 0) break;
      at += 8;
    }
    if (at == end) break;
    const unsigned lead = *at++;
    if (lead < 0x80) continue;
    const int more = lead >= 0xC2 && lead <= 0xDF   ? 1
                     : lead >= 0xE0 && lead <= 0xEF ? 2
                     : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                    : 0;
    if (more == 0 || end - at < more) return false;
    const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (*at < low || *at > high) return false;
    for (int i = 1; i < more; ++i) {
      if (at[i] < 0x80 || at[i] > 0xBF) return false;
    }
    at += more;
  }
  return true;
}

void require_changes(HranaBatch& batch, StepPurposes& purposes, const std::string& table, std::size_t rows) {
  batch.begin_step(remote_sql::kRequireChanges);
  batch.integer(static_cast<std::int64_t>(rows));
  batch.end_step();
  purposes.push_back({StepPurpose::Kind::RowCheck, table});
}

}  // namespace

Status check_row(const CacheTable& table, std::span<const SqlValue> values, std::span<const std::uint16_t> positions) {
  std::size_t sum = 0;
  std::size_t largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!has_bytes(values[i])) continue;
    sum += values[i].bytes.size();
    if (values[i].bytes.size() > values[largest].bytes.size()) largest = i;
    if (values[i].kind == SqlValue::Kind::Text && !is_utf8(values[i].bytes)) {
      return Error{Verdict::PoisonRow, "invalid-utf8",
                   named(table, column_at(table, positions, i)) + ": the text is not valid UTF-8",
                   "correct the value at the source, or leave the column out with a rule's `omit`", table.name};
    }
  }
  if (sum <= kLargestValue) return {};
  return Error{Verdict::PoisonRow, "value-too-large",
               named(table, column_at(table, positions, largest)) + ": a row of " + std::to_string(sum) +
                   " bytes is above the server's max_row_size of " + std::to_string(kLargestValue),
               "leave the column out with a rule's `omit`, or keep this table in a local file", table.name};
}

bool needs_typed(const CacheTable& table, std::span<const SqlValue> values, std::span<const std::uint16_t> positions) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto& value = values[i];
    if (value.kind == SqlValue::Kind::Absent || value.kind == SqlValue::Kind::Null) continue;
    // unhex() of anything but hex is NULL.
    const auto form = column_at(table, positions, i).form;
    if ((form == CacheColumn::Form::Blob) != (value.kind == SqlValue::Kind::Blob)) return true;
    if (has_bytes(value)) sum += value.bytes.size();
  }
  return sum > kJsonRowBytes;
}

JsonRowsWriter::JsonRowsWriter(HranaBatch& batch, StepPurposes& purposes, const CacheTable& table, std::string sql,
                               bool require_changes)
    : batch_(batch), purposes_(purposes), table_(table), sql_(std::move(sql)), require_changes_(require_changes) {}

void JsonRowsWriter::open() {
  batch_.begin_step(sql_);
  batch_.begin_json();
  batch_.json_raw('[');
  rows_ = 0;
}

void JsonRowsWriter::close() {
  batch_.json_raw(']');
  batch_.end_json();
  batch_.end_step();
  purposes_.push_back({StepPurpose::Kind::Rows, table_.name});
  if (require_changes_) require_changes(batch_, purposes_, table_.name, rows_);
  rows_ = 0;
}

void JsonRowsWriter::begin_row(bool as_array) {
  if (rows_ == 0) open();
  as_array_ = as_array;
  first_value_ = true;
  if (rows_ > 0) batch_.json_raw(',');
  row_start_ = batch_.position();
  if (as_array_) batch_.json_raw('[');
}

void JsonRowsWriter::value(const CacheColumn& column, const SqlValue& value) {
  if (!first_value_) batch_.json_raw(',');
  first_value_ = false;
  batch_.json_value(value, column.form == CacheColumn::Form::Blob);
}

void JsonRowsWriter::end_row() {
  if (as_array_) batch_.json_raw(']');
  if (batch_.json_bytes() < kJsonArgumentBytes) {
    ++rows_;
    return;
  }
  if (rows_ == 0) {
    rows_ = 1;
    return close();
  }
  const auto row = batch_.cut_from(row_start_);
  batch_.cut_from(batch_.position() - 1);  // the comma before it
  close();
  open();
  batch_.json_append(row);
  rows_ = 1;
}

void JsonRowsWriter::finish() {
  if (rows_ > 0) close();
}

void write_typed(HranaBatch& batch, StepPurposes& purposes, const CacheTable& table, const std::string& sql,
                 std::span<const SqlValue> first, std::span<const SqlValue> second, bool require_change) {
  batch.begin_step(sql);
  for (const auto& value : first) batch.value(value);
  for (const auto& value : second) batch.value(value);
  batch.end_step();
  purposes.push_back({StepPurpose::Kind::Rows, table.name});
  if (require_change) require_changes(batch, purposes, table.name, 1);
}

}  // namespace walbridge::sink_libsql
