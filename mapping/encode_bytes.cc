// bytea and uuid.
#include "mapping/hex.h"
#include "mapping/offers.h"

namespace walbridge::mapping {

namespace {

constexpr Fault kNotBytea = "is not a bytea in hex form";
constexpr Fault kNotUuid = "is not a uuid of 36 characters";

bool hex_digits(std::string_view wire, std::string_view& out) {
  if (wire.substr(0, 2) != "\\x") return false;
  out = wire.substr(2);
  return out.size() % 2 == 0;
}

Fault encode_raw(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  std::string_view digits;
  if (!hex_digits(wire, digits)) return kNotBytea;
  if (digits.empty()) {
    out = SqlValue::blob(std::string_view(""));
    return nullptr;
  }
  char* const bytes = scratch.allocate(digits.size() / 2);
  if (!decode_hex(digits, bytes)) return kNotBytea;
  out = SqlValue::blob({bytes, digits.size() / 2});
  return nullptr;
}

Fault encode_hex(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  std::string_view digits;
  if (!hex_digits(wire, digits) || !is_hex(digits)) return kNotBytea;
  out = SqlValue::text(digits);
  return nullptr;
}

Fault encode_base64(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string_view digits;
  if (!hex_digits(wire, digits) || !is_hex(digits)) return kNotBytea;
  const std::size_t size = digits.size() / 2;
  const std::size_t written = (size + 2) / 3 * 4;
  char* const text = scratch.allocate(written + 1);
  char* end = text;
  const auto byte_at = [&](std::size_t i) -> std::uint32_t {
    if (i >= size) return 0;
    return static_cast<std::uint32_t>(kHexValue[static_cast<unsigned char>(digits[2 * i])] << 4 |
                                      kHexValue[static_cast<unsigned char>(digits[2 * i + 1])]);
  };
  for (std::size_t i = 0; i < size; i += 3) {
    const std::uint32_t triple = byte_at(i) << 16 | byte_at(i + 1) << 8 | byte_at(i + 2);
    *end++ = kAlphabet[triple >> 18];
    *end++ = kAlphabet[triple >> 12 & 63];
    *end++ = i + 1 < size ? kAlphabet[triple >> 6 & 63] : '=';
    *end++ = i + 2 < size ? kAlphabet[triple & 63] : '=';
  }
  out = SqlValue::text({text, written});
  return nullptr;
}

// The 32 digits without the dashes.
bool uuid_digits(std::string_view wire, char* to) {
  if (wire.size() != 36) return false;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (wire[i] != '-') return false;
    } else {
      *to++ = wire[i];
    }
  }
  return true;
}

Fault encode_uuid_blob(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  std::array<char, 32> digits{};
  char* const bytes = scratch.allocate(16);
  if (!uuid_digits(wire, digits.data()) || !decode_hex({digits.data(), digits.size()}, bytes)) return kNotUuid;
  out = SqlValue::blob({bytes, 16});
  return nullptr;
}

Fault encode_uuid_hex(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  char* const digits = scratch.allocate(32);
  if (!uuid_digits(wire, digits) || !is_hex({digits, 32})) return kNotUuid;
  out = SqlValue::text({digits, 32});
  return nullptr;
}

}  // namespace

bool offer_bytes(const PgType& type, Draft& draft) {
  constexpr auto kPlain = CacheColumn::Form::Plain;
  if (type.kind == "bytea") {
    draft.offers = {{"raw", "BLOB", encode_raw, true, CacheColumn::Form::Blob},
                    {"hex", "TEXT", encode_hex, true, kPlain},
                    {"base64", "TEXT", encode_base64, true, kPlain}};
    return true;
  }
  if (type.kind == "uuid") {
    draft.offers = {{"text", "TEXT", encode_verbatim},
                    {"blob", "BLOB", encode_uuid_blob, true, CacheColumn::Form::Blob},
                    {"text_hex", "TEXT", encode_uuid_hex}};
    return true;
  }
  return false;
}

}  // namespace walbridge::mapping
