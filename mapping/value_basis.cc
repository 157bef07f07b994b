#include "mapping/value_basis.h"

#include <fmt/format.h>

#include "mapping/mask.h"
#include "mapping/offers.h"

namespace walbridge::mapping {

namespace {

// Names are put into the text with their length, so that none can look like another part.
void append_name(std::string& text, const std::string& name) { text += fmt::format("{}:{}", name.size(), name); }

// Types that print alike are one; a modifier counts only where it changes what is printed or stored.
void append_type(std::string& text, const PgType& type) {
  const auto& kind = type.kind;
  if (kind == "domain" && type.base) return append_type(text, *type.base);
  if (kind == "text" || kind == "varchar" || kind == "name") {
    text += "text";
  } else if (kind == "int2" || kind == "int4" || kind == "int8") {
    text += "int";
  } else if (kind == "numeric") {
    text += numeric_class(type.typmod) == NumericClass::Text ? "numeric" : "decimal";
  } else if (kind == "bpchar") {
    text += fmt::format("bpchar({})", type.typmod);
  } else if (kind == "array" && type.element) {
    text += fmt::format("array{}", type.delimiter);
    append_type(text, *type.element);
  } else if (kind == "composite") {
    text += "composite(";
    for (const auto& field : type.fields) {
      append_name(text, field.name);
      if (field.type) append_type(text, *field.type);
      text += ',';
    }
    text += ')';
  } else {
    text += kind;
  }
}

bool has_specials(const std::string& kind) {
  return kind == "float4" || kind == "float8" || kind == "numeric" || kind == "date" || kind == "timestamp" ||
         kind == "timestamptz";
}

}  // namespace

std::string value_basis(const PgType& type, const Encoder& encoder) {
  std::string text;
  append_type(text, type);
  text += '/';
  text += encoder.encoding;
  const auto& kind = encoder.type->kind;
  if (has_specials(kind) && encoder.encoding != "order_key") {
    text += fmt::format("/specials {}", static_cast<int>(encoder.specials));
  }
  if (encoder.encoding == "integer_scaled") text += fmt::format("/scale {}", encoder.scale);
  if (encoder.uses_labels) {
    text += "/labels";
    for (const auto& label : encoder.type->labels) append_name(text, label);
  }
  if (!encoder.mask_key.empty()) text += "/key " + fingerprint(encoder.mask_key);
  return text;
}

}  // namespace walbridge::mapping
