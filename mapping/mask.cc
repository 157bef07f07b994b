#include "mapping/mask.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "mapping/offers.h"
#include "mapping/utf8.h"

namespace walbridge::mapping {

namespace {

using config::Mask;

using Digest = std::array<unsigned char, 32>;

constexpr Fault kNoDigest = "could not be hashed";

void append_hex(const Digest& digest, char* to) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  for (const unsigned char byte : digest) {
    *to++ = kHex[byte >> 4];
    *to++ = kHex[byte & 15];
  }
}

bool hmac(std::string_view key, std::string_view text, Digest& out) {
  unsigned int size = 0;
  return ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
                reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size) != nullptr;
}

void set_hex(const Digest& digest, Arena& scratch, SqlValue& out) {
  char* const text = scratch.allocate(2 * digest.size());
  append_hex(digest, text);
  out = SqlValue::text({text, 2 * digest.size()});
}

// Postgres pads char(n) and does not count the padding: not as a character and not as a difference.
std::string_view without_padding(const Encoder& self, std::string_view wire) {
  if (self.inner->type->kind != "bpchar") return wire;
  const auto last = wire.find_last_not_of(' ');
  return wire.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// Bytes of the first so many characters.
std::size_t first_characters(std::string_view text, std::size_t characters) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (starts_character(text[i]) && seen++ == characters) return i;
  }
  return text.size();
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

Fault mask_null(const Encoder&, std::string_view, Arena&, SqlValue& out) {
  out = SqlValue::null();
  return nullptr;
}

Fault mask_redact(const Encoder&, std::string_view, Arena&, SqlValue& out) {
  out = SqlValue::text("***");
  return nullptr;
}

Fault mask_sha256(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  const auto text = without_padding(self, wire);
  Digest digest{};
  unsigned int size = 0;
  if (::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha256(), nullptr) != 1) return kNoDigest;
  set_hex(digest, scratch, out);
  return nullptr;
}

Fault mask_hmac(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  Digest digest{};
  if (!hmac(self.mask_key.reveal(), without_padding(self, wire), digest)) return kNoDigest;
  set_hex(digest, scratch, out);
  return nullptr;
}

Fault mask_truncate(const Encoder& self, std::string_view wire, Arena&, SqlValue& out) {
  if (!valid_utf8(wire)) return kNotUtf8;
  const auto text = without_padding(self, wire);
  out = SqlValue::text(text.empty() ? std::string_view("") : text.substr(0, first_characters(text, self.keep)));
  return nullptr;
}

// A text that is not longer than what may be kept would be kept whole: it becomes stars only.
Fault mask_keep_last(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  if (!valid_utf8(wire)) return kNotUtf8;
  const auto text = without_padding(self, wire);
  const std::size_t characters = count_characters(text);
  const std::size_t kept = characters > self.keep ? self.keep : 0;
  const std::size_t stars = characters - kept;
  const auto tail = text.substr(first_characters(text, stars));
  char* const made = scratch.allocate(stars + tail.size() + 1);
  std::fill_n(made, stars, '*');
  std::copy(tail.begin(), tail.end(), made + stars);
  out = SqlValue::text({made, stars + tail.size()});
  return nullptr;
}

Fault mask_email_domain(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  if (!valid_utf8(wire)) return kNotUtf8;
  const auto text = without_padding(self, wire);
  const auto at = text.rfind('@');
  if (at == std::string_view::npos) return mask_redact(self, wire, scratch, out);
  const auto domain = text.substr(at);
  char* const made = scratch.allocate(3 + domain.size());
  std::fill_n(made, 3, '*');
  std::copy(domain.begin(), domain.end(), made + 3);
  out = SqlValue::text({made, 3 + domain.size()});
  return nullptr;
}

Fault cut(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  if (const Fault fault = self.inner->encode(wire, scratch, out)) return fault;
  if (out.kind == SqlValue::Kind::Text && out.bytes.size() > self.keep) {
    out.bytes = out.bytes.substr(0, first_characters(out.bytes, self.keep));
  }
  return nullptr;
}

struct Named {
  Encoder::Function function;
  const char* name;
  bool counts;  // uses `keep`
};

Named named(Mask mask) {
  switch (mask) {
    case Mask::Null:
      return {mask_null, "null", false};
    case Mask::Sha256:
      return {mask_sha256, "sha256", false};
    case Mask::HmacSha256:
      return {mask_hmac, "hmac_sha256", false};
    case Mask::Truncate:
      return {mask_truncate, "truncate", true};
    case Mask::KeepLast:
      return {mask_keep_last, "keep_last", true};
    case Mask::EmailDomain:
      return {mask_email_domain, "email_domain", false};
    case Mask::None:
    case Mask::Redact:
      break;
  }
  return {mask_redact, "redact", false};
}

std::shared_ptr<const PgType> text_type() {
  static const auto type = [] {
    auto made = std::make_shared<PgType>();
    made->kind = "text";
    made->sql = "text";
    return std::shared_ptr<const PgType>(std::move(made));
  }();
  return type;
}

}  // namespace

std::shared_ptr<const Encoder> masked(const std::shared_ptr<const Encoder>& stored, const config::ColumnRule& rule) {
  const Mask mask = rule.mask.value_or(Mask::Redact);
  const Named named_mask = named(mask);
  auto made = std::make_shared<Encoder>();
  made->function = named_mask.function;
  made->inner = stored;
  made->exact = mask == Mask::HmacSha256;
  made->keep = rule.keep.value_or(0);
  made->mask_key = rule.mask_key;
  made->decl = mask == Mask::Null ? stored->decl : "TEXT";
  made->encoding = fmt::format("mask {}", named_mask.name);
  if (named_mask.counts) made->encoding += fmt::format(" {}", made->keep);
  made->type = text_type();
  return made;
}

std::shared_ptr<const Encoder> truncated(const std::shared_ptr<const Encoder>& stored, std::uint32_t characters) {
  static constexpr auto kTexts = std::to_array<std::string_view>({"text", "varchar", "bpchar", "citext", "name"});
  if (std::find(kTexts.begin(), kTexts.end(), stored->type->kind) == kTexts.end()) return nullptr;
  auto made = std::make_shared<Encoder>(*stored);
  made->function = cut;
  made->inner = stored;
  made->exact = false;
  made->keep = characters;
  made->encoding =
      fmt::format("{}truncate {}", stored->encoding == "default" ? "" : stored->encoding + ", ", characters);
  return made;
}

std::string fingerprint(const config::Secret& key) {
  Digest digest{};
  if (!hmac(key.reveal(), "walbridge mask key", digest)) return {};
  std::string hex(2 * digest.size(), '0');
  append_hex(digest, hex.data());
  return hex.substr(0, 16);
}

}  // namespace walbridge::mapping
