#include "mapping/value_domain.h"

#include <algorithm>

#include "mapping/number_text.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

using Kind = ValueDomain::Kind;

constexpr std::size_t kExactDigits = 15;  // any decimal of so many digits survives a double

// "-12.50", without exponent. Digits that count: all from the first that is not zero.
bool plain_number(std::string_view text, std::size_t& digits, bool& whole) {
  digits = 0;
  whole = true;
  bool any = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 0 && c == '-') continue;
    if (c == '.' && whole) {
      whole = false;
      continue;
    }
    if (!is_digit(c)) return false;
    any = true;
    if (c != '0' || digits > 0) ++digits;
  }
  return any && text.back() != '.';
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool keeps_specials(const Encoder& encoder) {
  return encoder.specials == config::Specials::Text || encoder.specials == config::Specials::Error;
}

Kind kind_of(const Encoder& encoder) {
  const auto& type = encoder.type->kind;
  const bool built_in = encoder.encoding == "default";
  // NaN and the infinities as NULL or as the largest number are no longer what Postgres compares.
  const bool specials = keeps_specials(encoder);
  if (encoder.form == CacheColumn::Form::Jsonb || !encoder.exact) return Kind::Opaque;
  if (type == "bool" && built_in) return Kind::Boolean;
  if (is_one_of(type, {"int2", "int4", "int8", "oid"}) && built_in) return Kind::Integer;
  if (type == "numeric") {
    if (!specials) return Kind::Opaque;
    if (encoder.encoding == "integer_scaled") return Kind::Scaled;
    return built_in && encoder.decl.compare(0, 8, "DECIMAL(") == 0 ? Kind::Decimal : Kind::Opaque;
  }
  if (type == "float8" && specials) return Kind::Double;
  if (is_one_of(type, {"text", "varchar", "name"})) return Kind::Text;
  if (is_one_of(type, {"date", "timestamp", "timestamptz"}) && specials) return Kind::Time;
  if (is_one_of(type, {"uuid", "enum", "bytea", "time", "macaddr", "inet", "cidr", "oid"})) return Kind::Equal;
  return Kind::Opaque;
}

}  // namespace

ValueDomain domain_of(const Encoder& encoder) {
  ValueDomain domain;
  domain.kind = kind_of(encoder);
  domain.encoder = &encoder;
  domain.nulls = keeps_specials(encoder) ||
                 !is_one_of(encoder.type->kind, {"numeric", "float4", "float8", "date", "timestamp", "timestamptz"});
  switch (domain.kind) {
    case Kind::Boolean:
    case Kind::Integer:
    case Kind::Decimal:
    case Kind::Text:
      break;
    default:
      domain.basis = encoder.type->sql + "/" + encoder.encoding;
  }
  return domain;
}

std::optional<std::string> literal_in(const ValueDomain& domain, std::string_view literal) {
  std::size_t digits = 0;
  bool whole = true;
  switch (domain.kind) {
    case Kind::Opaque:
      return std::nullopt;
    case Kind::Boolean:
      if (literal == "t" || literal == "true") return "1";
      if (literal == "f" || literal == "false") return "0";
      return std::nullopt;
    case Kind::Integer:
    case Kind::Decimal: {
      if (!plain_number(literal, digits, whole)) return std::nullopt;
      std::int64_t fits = 0;
      if (digits > kExactDigits && !(whole && domain.kind == Kind::Integer && parse_int64(literal, fits))) {
        return std::nullopt;
      }
      return std::string(literal);
    }
    case Kind::Double:
      // As printed the literal may hold an exponent, and any number of digits: both sides read the nearest double.
      if (!literal.empty() && !is_digit(literal.back())) return std::nullopt;
      break;
    case Kind::Text:
    case Kind::Scaled:
    case Kind::Equal:
    case Kind::Time:
      break;
  }
  if (domain.encoder == nullptr) {
    if (domain.kind == Kind::Text) return literal_sql(SqlValue::text(literal));
    return std::nullopt;
  }
  Arena scratch(1024);
  SqlValue value;
  if (domain.encoder->encode(literal, scratch, value) != nullptr) return std::nullopt;
  return literal_sql(value);
}

}  // namespace walbridge::mapping
