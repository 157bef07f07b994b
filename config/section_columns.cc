// What a rule says about columns and indexes.
#include <algorithm>
#include <array>
#include <utility>

#include "config/sections.h"

namespace walbridge::config {
namespace {

constexpr auto kMasks = std::to_array<std::string_view>(  // order of Mask, after None
    {"null", "redact", "sha256", "hmac_sha256", "truncate", "keep_last", "email_domain"});
constexpr auto kMetrics = std::to_array<std::string_view>({"cosine", "l2"});
constexpr std::int64_t kMostCharacters = 1'000'000;

std::optional<std::uint32_t> read_characters(const Field& field) {
  const auto count = field.integer(1, kMostCharacters);
  return count ? std::optional(static_cast<std::uint32_t>(*count)) : std::nullopt;
}

// Settings that only make sense together, or not together.
void check_mask(const Field& entry, const ColumnRule& column) {
  const Mask mask = column.mask.value_or(Mask::None);
  const bool hashes = mask == Mask::HmacSha256;
  const bool counts = mask == Mask::KeepLast || mask == Mask::Truncate;
  const Field key = entry.child("mask_key");
  if (hashes && !key.present()) key.problem("is missing; hmac_sha256 needs a key, best as { file: PATH }");
  if (!hashes && key.present()) key.problem("is for `mask: hmac_sha256` only");
  const Field keep = entry.child("keep");
  if (counts && !keep.present()) keep.problem("is missing; say how many characters may stay");
  if (!counts && keep.present()) keep.problem("is for `mask: keep_last` and `mask: truncate` only");
  if (mask == Mask::None) return;
  if (column.type && mask != Mask::Null) {
    entry.child("type").problem("stands beside `mask`, and a masked column is text; write one of the two");
  }
  if (column.truncate) {
    entry.child("truncate")
        .problem("stands beside `mask`; a mask that keeps the beginning is `mask: truncate, keep: N`");
  }
  if (column.order_key.value_or(false)) {
    entry.child("order_key").problem("stands beside `mask`, and would tell what the mask hides");
  }
}

ColumnRule read_column(const Field& entry) {
  ColumnRule column;
  column.place.line = entry.line();
  if (!entry.check_map()) return column;
  column.as = entry.child("as").text();
  column.type = read_encoding(entry.child("type"));
  const Field mask = entry.child("mask");
  if (const auto at = mask.choice(kMasks)) column.mask = static_cast<Mask>(*at + 1);
  if (auto key = read_secret(entry.child("mask_key"), false)) column.mask_key = *std::move(key);
  column.keep = read_characters(entry.child("keep"));
  column.truncate = read_characters(entry.child("truncate"));
  column.order_key = entry.child("order_key").boolean();
  if (!mask.present() || column.mask) check_mask(entry, column);
  return column;
}

// "price  DESC" and "price asc" in the one form the rest of walbridge reads.
std::string index_column(std::string written) {
  const auto space = written.rfind(' ');
  if (space == std::string::npos) return written;
  std::string last = written.substr(space + 1);
  std::transform(last.begin(), last.end(), last.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (last != "asc" && last != "desc") return written;
  std::string name = written.substr(0, space);
  while (!name.empty() && name.back() == ' ') name.pop_back();
  if (name.empty()) return written;
  return last == "desc" ? name + " desc" : name;
}

std::vector<std::string> read_index_columns(const Field& field) {
  std::vector<std::string> columns = read_column_names(field);
  std::transform(columns.begin(), columns.end(), columns.begin(), index_column);
  return columns;
}

IndexRule read_index(const Field& field) {
  IndexRule index;
  index.place.line = field.line();
  if (field.is_list()) {
    index.columns = read_index_columns(field);
    return index;
  }
  if (!field.check_map()) return index;
  index.name = field.child("name").text().value_or("");
  const Field columns = field.child("columns");
  const Field vector = field.child("vector");
  const Field fts = field.child("fts");
  const int kinds =
      static_cast<int>(columns.present()) + static_cast<int>(vector.present()) + static_cast<int>(fts.present());
  if (kinds != 1) {
    field.problem("must have exactly one of `columns`, `vector` and `fts`");
    return index;
  }
  index.columns = read_index_columns(columns);
  index.vector = vector.text().value_or("");
  index.fts = read_column_names(fts);
  index.where = field.child("where").text().value_or("");
  index.unique = field.child("unique").boolean().value_or(false);
  const Field metric = field.child("metric");
  if (const auto at = metric.choice(kMetrics)) index.metric = kMetrics[*at];
  if (vector.present() && index.metric.empty()) index.metric = kMetrics[0];
  for (const char* only_columns : {"where", "unique"}) {
    const Field extra = field.child(only_columns);
    if (extra.present() && !columns.present()) extra.problem("is for an index with `columns` only");
  }
  if (metric.present() && !vector.present()) metric.problem("is for an index with `vector` only");
  return index;
}

}  // namespace

std::vector<std::string> read_column_names(const Field& field) {
  const std::size_t before = field.reading().problems.size();
  std::vector<std::string> names = field.texts();
  if (field.present() && names.empty() && field.reading().problems.size() == before) {
    field.problem("must list at least one column; leave the key out for the default");
  }
  return names;
}

void read_column_rules(const Field& field, std::map<std::string, ColumnRule>& columns) {
  if (!field.check_map()) return;
  for (const Field& entry : field.entries()) columns.emplace(entry.key(), read_column(entry));
}

std::vector<IndexRule> read_index_rules(const Field& field) {
  std::vector<IndexRule> indexes;
  for (const Field& item : field.items()) indexes.push_back(read_index(item));
  return indexes;
}

}  // namespace walbridge::config
