#include "mapping/order_key.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "mapping/number_text.h"
#include "mapping/offers.h"
#include "mapping/temporal_text.h"
#include "pipeline/api/timestamp.h"

namespace walbridge::mapping {

namespace {

constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
constexpr Fault kNotADate = "is not a date or time as a UTC session with ISO dates prints it";

bool infinite(std::string_view wire, SqlValue& out) {
  if (wire != "infinity" && wire != "-infinity") return false;
  out = SqlValue::of(wire[0] == '-' ? kFirst : kLast);
  return true;
}

// Postgres' own range reaches beyond what 64 bits of unix microseconds hold; what is beyond stays below infinity.
std::int64_t saturated(std::int64_t value, std::int64_t scale, std::int64_t shift) {
  std::int64_t scaled = 0;
  if (__builtin_mul_overflow(value, scale, &scaled) || __builtin_add_overflow(scaled, shift, &scaled)) {
    return value < 0 ? kFirst + 1 : kLast - 1;
  }
  return std::clamp(scaled, kFirst + 1, kLast - 1);
}

template <bool offset>
Fault encode_instant(std::string_view wire, SqlValue& out) {
  if (infinite(wire, out)) return nullptr;
  Civil at;
  if (!parse_timestamp(wire, offset, at)) return kNotADate;
  out = SqlValue::of((unix_seconds(at) - kPostgresEpochMicros / 1'000'000) * 1'000'000 + at.micros);
  return nullptr;
}

template <bool offset>
Fault encode_instant_order(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  const Fault fault = encode_instant<offset>(wire, out);
  if (fault != nullptr || out.integer == kFirst || out.integer == kLast) return fault;
  out.integer = saturated(out.integer, 1, kPostgresEpochMicros);
  return nullptr;
}

Fault encode_date_order(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  const Fault fault = encode_date_days(self, wire, scratch, out);
  if (fault != nullptr || out.integer == kFirst || out.integer == kLast) return fault;
  out.integer = saturated(out.integer, kMicrosPerDay, 0);
  return nullptr;
}

// The instant, then the zone: of equal instants the one further east comes first.
Fault encode_timetz_order(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  constexpr std::int64_t kBias = 100'000'000'000;  // an instant may lie before midnight UTC
  constexpr std::int64_t kZoneBias = 100'000;
  Civil at;
  if (!parse_time(wire, true, at)) return kNotADate;
  const std::int64_t micros = (seconds_of_day(at) - at.offset_seconds) * 1'000'000 + at.micros + kBias;
  const std::int64_t zone = kZoneBias - at.offset_seconds;
  if (micros < 0 || zone < 0) return kNotADate;
  TemporalText text;
  text.number(micros, 12);
  text.number(zone, 6);
  out = SqlValue::text(scratch.copy(text.view()));
  return nullptr;
}

bool parse_hex32(std::string_view text, std::uint32_t& out) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return failure == std::errc{} && end == text.data() + text.size() && text.size() <= 8;
}

Fault encode_lsn_order(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  const auto slash = wire.find('/');
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (slash == std::string_view::npos || !parse_hex32(wire.substr(0, slash), high) ||
      !parse_hex32(wire.substr(slash + 1), low)) {
    return "is not a log position";
  }
  out = SqlValue::text(scratch.copy(fmt::format("{:08X}{:08X}", high, low)));
  return nullptr;
}

Fault encode_integer_order(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  std::int64_t value = 0;
  if (!parse_int64(wire, value)) return "is not an integer of at most 64 bits with sign";
  out = SqlValue::of(value);
  return nullptr;
}

struct OrderKey {
  std::string_view kind;
  const char* decl;
  Encoder::Function function;
};
constexpr auto kOrderKeys = std::to_array<OrderKey>({
    {"numeric", "TEXT", encode_decimal_order},
    {"float4", "BIGINT", encode_double_order},
    {"float8", "BIGINT", encode_double_order},
    {"inet", "BLOB", encode_address_order},
    {"cidr", "BLOB", encode_address_order},
    {"pg_lsn", "TEXT", encode_lsn_order},
    {"timetz", "TEXT", encode_timetz_order},
    {"timestamp", "BIGINT", encode_instant_order<false>},
    {"timestamptz", "BIGINT", encode_instant_order<true>},
    {"date", "BIGINT", encode_date_order},
    {"int2", "BIGINT", encode_integer_order},
    {"int4", "BIGINT", encode_integer_order},
    {"int8", "BIGINT", encode_integer_order},
});

// An encoding of the type that sorts right, which somebody may have chosen for the column itself.
const char* sorting_encoding(const std::string& kind) {
  if (kind == "interval") return "us";
  if (kind == "money") return "integer_scaled";
  return kind == "enum" ? "rank" : nullptr;
}

constexpr auto kSortedAsStored =
    std::to_array<std::string_view>({"bool", "int2", "int4", "int8", "oid", "xid", "cid", "xid8", "uuid", "bytea",
                                     "bit", "varbit", "macaddr", "macaddr8", "time", "char"});
constexpr auto kTexts = std::to_array<std::string_view>({"text", "varchar", "bpchar", "citext", "name"});

template <class Words>
bool is_one_of(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool sorts_already(const PgType& type, const Encoder& stored) {
  if (type.kind == "numeric") return stored.encoding == "default" && numeric_class(type.typmod) != NumericClass::Text;
  if (const char* const sorting = sorting_encoding(type.kind)) return stored.encoding == sorting;
  return stored.encoding == "default" && is_one_of(kSortedAsStored, type.kind);
}

Error refused(std::string message, std::string remedy) {
  return {Verdict::PoisonRow, "order-key", std::move(message), std::move(remedy)};
}

}  // namespace

Result<std::shared_ptr<const Encoder>> compile_order_key(const PgType& type, const Encoder& stored) {
  if (sorts_already(type, stored)) {
    return refused(fmt::format("{} sorts as in Postgres as it is", type.sql),
                   "remove `order_key` and sort by the column itself");
  }
  const auto shared = std::make_shared<const PgType>(type);
  auto made = std::make_shared<Encoder>();
  if (const char* const sorting = sorting_encoding(type.kind)) {
    EncodingChoice choice;
    choice.name = sorting;
    WALBRIDGE_TRY_AS(const auto encoder, compile_encoder(shared, choice));
    *made = *encoder;
  } else if (const auto* const key = std::find_if(kOrderKeys.begin(), kOrderKeys.end(),
                                                  [&](const OrderKey& each) { return each.kind == type.kind; });
             key != kOrderKeys.end()) {
    made->function = key->function;
    made->decl = key->decl;
    if (made->decl == "BLOB") made->form = CacheColumn::Form::Blob;
    made->type = shared;
  } else if (is_one_of(kTexts, type.kind)) {
    return refused(fmt::format("{} sorts by bytes in a cache, which is what Postgres does under the C collations; any "
                               "other order needs ICU, which walbridge does not carry",
                               type.sql),
                   "remove `order_key`; under another collation sort in the application");
  } else {
    return refused(fmt::format("{} has no short key that sorts as Postgres sorts it", type.sql), "remove `order_key`");
  }
  made->exact = false;
  made->rowid_capable = false;
  made->encoding = "order_key";
  return std::shared_ptr<const Encoder>(std::move(made));
}

Fault encode_decimal_order(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  constexpr Fault kNotANumber = "is not a number";
  constexpr std::int64_t kBias = 200'000;  // numeric has exponents from -16383 to 131072
  const auto special = [&](std::string_view key) {
    out = SqlValue::text(key);
    return nullptr;
  };
  if (wire == "NaN") return special("5");
  if (wire == "Infinity") return special("4");
  if (wire == "-Infinity") return special("0");
  const bool negative = !wire.empty() && wire[0] == '-';
  if (negative) wire.remove_prefix(1);
  const auto point = std::min(wire.find('.'), wire.size());
  char* const start = scratch.allocate(wire.size() + 8);
  char* const digits = start + 7;
  char* end = digits;
  auto exponent = static_cast<std::int64_t>(point);  // digits before the point, leading zeros taken off below
  for (std::size_t i = 0; i < wire.size(); ++i) {
    if (i == point) continue;
    if (!is_digit(wire[i])) return kNotANumber;
    if (end == digits && wire[i] == '0') {
      --exponent;
      continue;
    }
    *end++ = wire[i];
  }
  if (wire.empty() || (wire.size() == 1 && point == 0)) return kNotANumber;
  while (end != digits && end[-1] == '0') --end;
  if (end == digits) return special("2");
  const std::int64_t biased = exponent + kBias;
  if (biased < 0 || biased > 999'999) return kNotANumber;
  start[0] = negative ? '1' : '3';
  std::int64_t rest = biased;
  for (int i = 6; i > 0; --i, rest /= 10) start[i] = static_cast<char>('0' + rest % 10);
  if (negative) {
    for (char* at = start + 1; at != end; ++at) *at = static_cast<char>('0' + ('9' - *at));
    *end++ = '~';  // of two negatives the one with more digits is the smaller
  }
  out = SqlValue::text({start, static_cast<std::size_t>(end - start)});
  return nullptr;
}

std::int64_t double_order(double value) {
  if (value != value) return kLast;
  const auto bits = std::bit_cast<std::int64_t>(value);
  return bits < 0 ? -(bits & kLast) : bits;
}

Fault encode_double_order(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  double value = 0;
  if (parse_double(wire, value) != DoubleText::Ok) {
    if (wire == "NaN") {
      value = std::numeric_limits<double>::quiet_NaN();
    } else if (wire == "Infinity" || wire == "-Infinity") {
      value = wire[0] == '-' ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
    } else {
      return "is not a number";
    }
  }
  out = SqlValue::of(double_order(value));
  return nullptr;
}

Fault encode_address_order(const Encoder&, std::string_view wire, Arena& scratch, SqlValue& out) {
  constexpr Fault kNotAnAddress = "is not an address";
  const auto slash = std::min(wire.find('/'), wire.size());
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (slash >= text.size()) return kNotAnAddress;
  std::memcpy(text.data(), wire.data(), slash);
  std::array<unsigned char, 16> address{};
  const bool six = wire.substr(0, slash).find(':') != std::string_view::npos;
  if (::inet_pton(six ? AF_INET6 : AF_INET, text.data(), address.data()) != 1) return kNotAnAddress;
  const std::size_t bytes = six ? 16 : 4;
  std::size_t bits = bytes * 8;
  if (slash < wire.size()) {
    std::int64_t written = 0;
    if (!parse_int64(wire.substr(slash + 1), written) || written < 0 || written > static_cast<std::int64_t>(bits)) {
      return kNotAnAddress;
    }
    bits = static_cast<std::size_t>(written);
  }
  char* const key = scratch.allocate(2 + 2 * bytes);
  key[0] = six ? 6 : 4;
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t masked = bits > i * 8 ? std::min<std::size_t>(bits - i * 8, 8) : 0;
    const auto mask = static_cast<unsigned char>(0xff00U >> masked);
    key[1 + i] = static_cast<char>(address[i] & mask);
  }
  key[1 + bytes] = static_cast<char>(bits);
  std::memcpy(key + 2 + bytes, address.data(), bytes);
  out = SqlValue::blob({key, 2 + 2 * bytes});
  return nullptr;
}

Fault encode_date_days(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  if (infinite(wire, out)) return nullptr;
  Civil at;
  if (!parse_date(wire, at)) return kNotADate;
  out = SqlValue::of(unix_seconds(at) / 86400);
  return nullptr;
}

Fault encode_timestamp_micros(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  return encode_instant<false>(wire, out);
}

Fault encode_timestamptz_micros(const Encoder&, std::string_view wire, Arena&, SqlValue& out) {
  return encode_instant<true>(wire, out);
}

}  // namespace walbridge::mapping
