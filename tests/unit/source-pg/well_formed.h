// What every Chunk of the assembler must be, checked by reading every byte it refers to.
#pragma once

#include <algorithm>
#include <string>
#include <variant>

#include "pipeline/api/change.h"

namespace walbridge::source_pg {

class WellFormed {
 public:
  explicit WellFormed(const Chunk& chunk) : chunk_(chunk) {}

  std::string operator()(const TxBegin&) {
    if (open_) return "begin inside a transaction";
    open_ = true;
    return "";
  }
  std::string operator()(const RowChange& change) {
    if (!open_) return "row outside a transaction";
    if (!alive(change.relation)) return "relation not kept alive";
    const std::size_t columns = change.relation->columns.size();
    if (change.op == RowChange::Op::Delete ? !change.new_row.empty() : change.new_row.size() != columns)
      return "new row";
    if (change.old_kind == RowChange::Old::None ? !change.old_row.empty() : change.old_row.size() != columns) {
      return "old row";
    }
    return readable(change.old_row) && readable(change.new_row) ? "" : "value";
  }
  std::string operator()(const Truncated& truncated) {
    if (!open_) return "truncate outside a transaction";
    return std::all_of(truncated.relations.begin(), truncated.relations.end(),
                       [this](const Relation* relation) { return alive(relation); })
               ? ""
               : "relation not kept alive";
  }
  std::string operator()(const SchemaChanged& changed) {
    if (!open_) return "schema change outside a transaction";
    const bool kept = std::any_of(chunk_.news.begin(), chunk_.news.end(),
                                  [&](const auto& news) { return news.get() == changed.news; });
    if (!kept) return "schema news not kept alive";
    for (const auto& table : changed.news->tables) {
      if (!table || table->oid == 0 || table->json.empty()) return "table of schema news";
      for (const auto& column : table->columns) {
        if (!column.type) return "column without a type";
      }
    }
    touch(changed.news->tag);
    return "";
  }
  std::string operator()(const BackfillMark&) { return open_ ? "" : "mark outside a transaction"; }
  std::string operator()(const TxCommit&) {
    if (!open_) return "commit outside a transaction";
    open_ = false;
    return "";
  }
  std::string operator()(const IdlePosition&) { return "the assembler knows no idle position"; }

 private:
  bool alive(const Relation* relation) const {
    return std::any_of(chunk_.relations.begin(), chunk_.relations.end(),
                       [&](const auto& kept) { return kept.get() == relation; });
  }
  bool readable(std::span<const WireValue> row) {
    for (const WireValue& value : row) {
      if (value.kind == WireValue::Kind::Text && value.text.data() == nullptr) return false;
      touch(value.text);
    }
    return true;
  }
  void touch(std::string_view bytes) {
    for (const char byte : bytes) sum_ = sum_ + static_cast<unsigned char>(byte);
  }

  const Chunk& chunk_;
  bool open_ = false;
  volatile unsigned sum_ = 0;  // so that the reads happen
};

// "" when all is well.
inline std::string malformation_of(const Chunk& chunk) {
  WellFormed check(chunk);
  for (const Event& event : chunk.events) {
    if (std::string malformation = std::visit(check, event); !malformation.empty()) return malformation;
  }
  return "";
}

}  // namespace walbridge::source_pg
