// Postgres' own geometric types: their text, or JSON made of their numbers.
#include <array>
#include <vector>

#include "mapping/json_shape.h"
#include "mapping/offers.h"
#include "mapping/utf8.h"

namespace walbridge::mapping {

namespace {

constexpr Fault kNotAShape = "is not a geometric value as Postgres prints it";

bool is_punctuation(char c) {
  return c == '(' || c == ')' || c == '[' || c == ']' || c == '{' || c == '}' || c == '<' || c == '>' || c == ',';
}

// Hands the next number of "<(1,2),3>" to `out` as JSON; false at the end or on anything else.
class ShapeNumbers {
 public:
  explicit ShapeNumbers(std::string_view text) : text_(text) {}

  bool next(std::string& out) {
    while (at_ < text_.size() && is_punctuation(text_[at_])) ++at_;
    const std::size_t start = at_;
    while (at_ < text_.size() && !is_punctuation(text_[at_])) ++at_;
    return at_ > start && append_json_number(text_.substr(start, at_ - start), out);
  }
  bool done() {
    while (at_ < text_.size() && is_punctuation(text_[at_])) ++at_;
    return at_ == text_.size();
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

bool append_point(ShapeNumbers& numbers, std::string& out) {
  out += '[';
  if (!numbers.next(out)) return false;
  out += ',';
  if (!numbers.next(out)) return false;
  out += ']';
  return true;
}

bool append_points(ShapeNumbers& numbers, std::string& out) {
  out += '[';
  for (bool first = true; !numbers.done(); first = false) {
    if (!first) out += ',';
    if (!append_point(numbers, out)) return false;
  }
  out += ']';
  return true;
}

bool append_line(ShapeNumbers& numbers, std::string& out) {
  out += '[';
  for (int i = 0; i < 3; ++i) {
    if (i > 0) out += ',';
    if (!numbers.next(out)) return false;
  }
  out += ']';
  return true;
}

bool append_circle(ShapeNumbers& numbers, std::string& out) {
  out += "{\"center\":";
  if (!append_point(numbers, out)) return false;
  out += ",\"radius\":";
  if (!numbers.next(out)) return false;
  out += '}';
  return true;
}

bool append_shape(const std::string& kind, std::string_view wire, std::string& out) {
  ShapeNumbers numbers(wire);
  bool complete = false;
  if (kind == "point") {
    complete = append_point(numbers, out);
  } else if (kind == "line") {
    complete = append_line(numbers, out);
  } else if (kind == "circle") {
    complete = append_circle(numbers, out);
  } else if (kind == "path") {
    // [..] is an open path, (..) a closed one
    out += !wire.empty() && wire.front() == '[' ? "{\"closed\":false,\"points\":" : "{\"closed\":true,\"points\":";
    complete = append_points(numbers, out);
    out += '}';
  } else {
    complete = append_points(numbers, out);
  }
  return complete && numbers.done();
}

Fault encode_shape_json(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out) {
  if (!is_ascii(wire)) return kNotAShape;
  TextWorkshop workshop;
  if (!append_shape(self.type->kind, wire, workshop.text())) return kNotAShape;
  out = SqlValue::text(scratch.copy(workshop.text()));
  return nullptr;
}

}  // namespace

bool offer_shapes(const PgType& type, Draft& draft) {
  for (const std::string_view kind : {"point", "line", "lseg", "box", "path", "polygon", "circle"}) {
    if (type.kind != kind) continue;
    draft.offers = {{"text", "TEXT", encode_verbatim}, {"json", "TEXT", encode_shape_json}};
    return true;
  }
  return false;
}

}  // namespace walbridge::mapping
