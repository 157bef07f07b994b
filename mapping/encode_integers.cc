// bool, the integers, the oid family and bit strings.
#include "mapping/number_text.h"
#include "mapping/offers.h"

namespace walbridge::mapping {

namespace {

Fault encode_bool(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (wire.size() != 1 || (wire[0] != 't' && wire[0] != 'f')) return "is not t or f";
  out = SqlValue::of(static_cast<std::int64_t>(wire[0] == 't'));
  return nullptr;
}

Fault encode_bool_text(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (wire.size() != 1 || (wire[0] != 't' && wire[0] != 'f')) return "is not t or f";
  out = SqlValue::text(wire[0] == 't' ? std::string_view("true") : std::string_view("false"));
  return nullptr;
}

Fault encode_integer(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  std::int64_t value = 0;
  if (!parse_int64(wire, value)) return "is not an integer of at most 64 bits with sign";
  out = SqlValue::of(value);
  return nullptr;
}

Fault encode_bits(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (wire.size() > 63) return "has more than 63 bits, which no SQLite integer holds";
  std::int64_t value = 0;
  for (const char c : wire) {
    if (c != '0' && c != '1') return "is not a bit string";
    value = value * 2 + (c - '0');
  }
  out = SqlValue::of(value);
  return nullptr;
}

}  // namespace

bool offer_integers(const PgType& type, Draft& draft) {
  auto& offers = draft.offers;
  const auto& kind = type.kind;
  if (kind == "bool") {
    offers = {{"integer", "BOOLEAN", encode_bool}, {"text", "TEXT", encode_bool_text}};
    return true;
  }
  if (kind == "int2" || kind == "int4" || kind == "int8") {
    const char* decl = kind == "int2" ? "SMALLINT" : kind == "int4" ? "INTEGER" : "BIGINT";
    offers = {{"integer", decl, encode_integer}, {"text", "TEXT", encode_verbatim}};
    draft.encoder.rowid_capable = true;
    return true;
  }
  if (kind == "oid" || kind == "xid" || kind == "cid" || kind == "xid8") {
    offers = {{"integer", "BIGINT", encode_integer}, {"text", "TEXT", encode_verbatim}};
    return true;
  }
  if (kind == "bit" || kind == "varbit") {
    offers = {{"text", "TEXT", encode_verbatim}};
    // 01 and 1 are two varbits but one integer.
    if (type.typmod <= 63) offers.push_back({"integer", "BIGINT", encode_bits, kind == "bit"});
    return true;
  }
  return false;
}

}  // namespace walbridge::mapping
