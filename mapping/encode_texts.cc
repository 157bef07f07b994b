// Text, JSON, enums, and the types kept as their output function prints them.
#include <algorithm>
#include <array>

#include "mapping/offers.h"
#include "mapping/utf8.h"

namespace walbridge::mapping {

namespace {

constexpr std::size_t kSqliteJsonDepth = 1000;  // JSON_MAX_DEPTH

// char(n) arrives padded.
Fault encode_trimmed(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (!valid_utf8(wire)) return kNotUtf8;
  const auto last = wire.find_last_not_of(' ');
  out = SqlValue::text(last == std::string_view::npos ? std::string_view("") : wire.substr(0, last + 1));
  return nullptr;
}

// The one-byte type "char": before Postgres 16 a byte above 0x7f arrives as it is, which is not UTF-8.
Fault encode_single_char(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  if (valid_utf8(wire)) {
    out = SqlValue::text(wire);
    return nullptr;
  }
  if (wire.size() != 1) return kNotUtf8;
  static constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(wire[0]);
  const std::array<char, 4> escaped = {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
  out = SqlValue::text(scratch.copy({escaped.data(), escaped.size()}));
  return nullptr;
}

Fault encode_rank(const Encoder& self, std::string_view wire, Arena&, SqlValue& out) {
  const auto found = self.ranks.find(wire);
  if (found == self.ranks.end()) return "holds an enum label that came after walbridge started";
  out = SqlValue::of(found->second);
  return nullptr;
}

// JSON without the spaces between tokens. Content is Postgres' business: it is never validated here.
Fault encode_compact_json(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  if (!valid_utf8(wire)) return kNotUtf8;
  char* const start = scratch.allocate(wire.size() + 1);  // an empty text must not be a null pointer
  char* end = start;
  bool quoted = false;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    const char c = wire[i];
    if (quoted) {
      *end++ = c;
      if (c == '\\' && i + 1 < wire.size()) {
        *end++ = wire[++i];
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      quoted = c == '"';
      *end++ = c;
    }
  }
  out = SqlValue::text({start, static_cast<std::size_t>(end - start)});
  return nullptr;
}

// Bound as text through jsonb(?), which stops at a depth Postgres does not know.
Fault encode_jsonb_blob(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (!valid_utf8(wire)) return kNotUtf8;
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    const char c = wire[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kSqliteJsonDepth) return "is nested deeper than SQLite's JSONB allows (1000)";
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  out = SqlValue::text(wire);
  return nullptr;
}

constexpr auto kKeptAsPrinted = std::to_array<std::string_view>(
    {"text",      "varchar",    "name",         "inet",        "cidr",          "macaddr",
     "macaddr8",  "tsvector",   "tsquery",      "gtsvector",   "xml",           "jsonpath",
     "tid",       "regproc",    "regprocedure", "regoper",     "regoperator",   "regclass",
     "regtype",   "regrole",    "regnamespace", "regconfig",   "regdictionary", "regcollation",
     "aclitem",   "int2vector", "oidvector",    "pg_snapshot", "txid_snapshot", "pg_lsn",
     "refcursor", "ltree",      "lquery",       "ltxtquery",   "cube",          "seg",
     "isbn",      "isbn13",     "issn",         "issn13",      "ismn",          "ismn13",
     "ean13",     "upc"});

}  // namespace

Fault encode_verbatim(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (!valid_utf8(wire)) return kNotUtf8;
  out = SqlValue::text(wire);
  return nullptr;
}

bool offer_texts(const PgType& type, Draft& draft) {
  const auto& kind = type.kind;
  auto& offers = draft.offers;
  if (std::find(kKeptAsPrinted.begin(), kKeptAsPrinted.end(), kind) != kKeptAsPrinted.end()) {
    offers = {{"text", "TEXT", encode_verbatim}};
    return true;
  }
  if (kind == "bpchar") {
    offers = {{"text", "TEXT COLLATE RTRIM", encode_verbatim}, {"trim", "TEXT", encode_trimmed}};
    return true;
  }
  if (kind == "citext") {
    offers = {{"text", "TEXT COLLATE NOCASE", encode_verbatim}};
    return true;
  }
  if (kind == "char") {
    offers = {{"text", "TEXT", encode_single_char}};
    return true;
  }
  if (kind == "json" || kind == "jsonb") {
    offers = {{"text", "TEXT", encode_verbatim},
              {"compact", "TEXT", encode_compact_json},
              {"jsonb_blob", "BLOB", encode_jsonb_blob, false, CacheColumn::Form::Jsonb}};
    return true;
  }
  if (kind == "enum") {
    offers = {{"text", "TEXT", encode_verbatim}, {"rank", "SMALLINT", encode_rank}};
    return true;
  }
  return false;
}

}  // namespace walbridge::mapping
