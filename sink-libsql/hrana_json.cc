#include "sink-libsql/hrana_json.h"

#include <array>
#include <charconv>
#include <cmath>

namespace walbridge::sink_libsql {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The letter that follows the backslash in JSON's short escapes; 'u' where there is none; 0: not escaped.
constexpr std::array<char, 256> escape_letters() {
  std::array<char, 256> letters{};
  for (std::size_t c = 0; c < 0x20; ++c) letters[c] = 'u';
  letters['\b'] = 'b';
  letters['\t'] = 't';
  letters['\n'] = 'n';
  letters['\f'] = 'f';
  letters['\r'] = 'r';
  letters['"'] = '"';
  letters['\\'] = '\\';
  return letters;
}
constexpr auto kEscapeLetters = escape_letters();

// `depth` 1: inside a JSON string. 2: inside a JSON string of JSON inside a JSON string.
template <int depth>
void append_escaped(std::string& to, std::string_view text) {
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const char letter = kEscapeLetters[byte];
    if (letter == 0) [[likely]]
      continue;
    to.append(text, from, i - from);
    from = i + 1;
    to += '\\';
    if constexpr (depth == 2) to += '\\';
    if constexpr (depth == 2) {
      if (letter == '"' || letter == '\\') to += '\\';
    }
    to += letter;
    if (letter == 'u') {
      to += "00";
      to += kHexDigits[byte >> 4];
      to += kHexDigits[byte & 15];
    }
  }
  to.append(text, from, text.size() - from);
}

void append_hex(std::string& to, std::string_view bytes) {
  const std::size_t start = to.size();
  to.resize(start + bytes.size() * 2);
  char* out = to.data() + start;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    *out++ = kHexDigits[byte >> 4];
    *out++ = kHexDigits[byte & 15];
  }
}

void append_base64(std::string& to, std::string_view bytes) {
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = (held << 8) | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      to += kBase64Digits[(held >> bits) & 63];
    }
  }
  if (bits > 0) to += kBase64Digits[(held << (6 - bits)) & 63];
}

void append_integer(std::string& to, std::int64_t value) {
  std::array<char, 24> digits{};
  const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  to.append(digits.data(), end);
}

std::string_view name_of_special(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

}  // namespace

void append_json_real(std::string& to, double value) {
  std::array<char, 40> digits{};
  const auto [end, failure] =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general, 17);
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  to += text;
  if (text.find_first_of(".e") == std::string_view::npos) to += ".0";
}

HranaBatch::HranaBatch() { clear(); }

void HranaBatch::clear() {
  body_ = R"({"requests":[{"type":"batch","batch":{"steps":[)";
  end_of_steps_ = body_.size();
  steps_ = arguments_ = 0;
}

std::size_t HranaBatch::begin_step(std::string_view sql, When when, std::size_t of, bool want_rows) {
  body_.resize(end_of_steps_);
  body_ += steps_ == 0 ? "{" : ",{";
  if (when == When::PreviousOk && steps_ == 0) when = When::Always;
  if (when != When::Always) {
    body_ += R"("condition":)";
    if (when == When::StepNotOk) body_ += R"({"type":"not","cond":)";
    body_ += R"({"type":"ok","step":)";
    append_integer(body_, static_cast<std::int64_t>(when == When::PreviousOk ? steps_ - 1 : of));
    body_ += when == When::StepNotOk ? "}}," : "},";
  }
  body_ += R"("stmt":{"sql":")";
  append_escaped<1>(body_, sql);
  body_ += '"';
  arguments_ = 0;
  want_rows_ = want_rows;
  return steps_;
}

void HranaBatch::begin_argument() { body_ += arguments_++ == 0 ? R"(,"args":[)" : ","; }

void HranaBatch::null() {
  begin_argument();
  body_ += R"({"type":"null"})";
}

void HranaBatch::integer(std::int64_t value) {
  begin_argument();
  body_ += R"({"type":"integer","value":")";
  append_integer(body_, value);
  body_ += "\"}";
}

void HranaBatch::real(double value) {
  if (!std::isfinite(value)) return text(name_of_special(value));
  begin_argument();
  body_ += R"({"type":"float","value":)";
  append_json_real(body_, value);
  body_ += '}';
}

void HranaBatch::text(std::string_view value) {
  begin_argument();
  body_ += R"({"type":"text","value":")";
  append_escaped<1>(body_, value);
  body_ += "\"}";
}

void HranaBatch::blob(std::string_view value) {
  begin_argument();
  body_ += R"({"type":"blob","base64":")";
  append_base64(body_, value);
  body_ += "\"}";
}

void HranaBatch::value(const SqlValue& value) {
  switch (value.kind) {
    case SqlValue::Kind::Absent:
    case SqlValue::Kind::Null:
      return null();
    case SqlValue::Kind::Integer:
      return integer(value.integer);
    case SqlValue::Kind::Real:
      return real(value.real);
    case SqlValue::Kind::Text:
      return text(value.bytes);
    case SqlValue::Kind::Blob:
      return blob(value.bytes);
  }
}

void HranaBatch::end_step() {
  if (arguments_ > 0) body_ += ']';
  body_ += want_rows_ ? R"(,"want_rows":true}})" : R"(,"want_rows":false}})";
  end_of_steps_ = body_.size();
  ++steps_;
}

std::size_t HranaBatch::step(std::string_view sql, When when, std::size_t of, bool want_rows) {
  const auto number = begin_step(sql, when, of, want_rows);
  end_step();
  return number;
}

void HranaBatch::begin_json() {
  begin_argument();
  body_ += R"({"type":"text","value":")";
  json_start_ = body_.size();
}

void HranaBatch::json_value(const SqlValue& value, bool as_hex) {
  switch (value.kind) {
    case SqlValue::Kind::Absent:
    case SqlValue::Kind::Null:
      body_ += "null";
      return;
    case SqlValue::Kind::Integer:
      append_integer(body_, value.integer);
      return;
    case SqlValue::Kind::Real:
      if (std::isfinite(value.real)) return append_json_real(body_, value.real);
      body_.append("\\\"").append(name_of_special(value.real)).append("\\\"");
      return;
    case SqlValue::Kind::Text:
    case SqlValue::Kind::Blob:
      body_ += "\\\"";
      if (as_hex) {
        append_hex(body_, value.bytes);
      } else {
        append_escaped<2>(body_, value.bytes);
      }
      body_ += "\\\"";
      return;
  }
}

std::string HranaBatch::cut_from(std::size_t position) {
  std::string cut = body_.substr(position);
  body_.resize(position);
  return cut;
}

void HranaBatch::end_json() { body_ += "\"}"; }

const std::string& HranaBatch::request(std::string_view baton, bool close) {
  body_.resize(end_of_steps_);
  body_ += close ? R"(]}},{"type":"close"}],"baton":)" : R"(]}}],"baton":)";
  if (baton.empty()) {
    body_ += "null}";
  } else {
    body_ += '"';
    append_escaped<1>(body_, baton);
    body_ += "\"}";
  }
  return body_;
}

}  // namespace walbridge::sink_libsql
