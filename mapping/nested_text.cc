#include "mapping/nested_text.h"

#include "mapping/number_text.h"

namespace walbridge::mapping {

namespace {

constexpr int kMostDimensions = 6;  // MAXDIM

// Reads "..." with backslash escapes; `at` is behind the opening quote and ends behind the closing one.
bool read_quoted(std::string_view text, std::size_t& at, Arena& scratch, std::string_view& out) {
  const std::size_t start = at;
  while (at < text.size() && text[at] != '"' && text[at] != '\\') ++at;
  if (at < text.size() && text[at] == '"') {
    out = text.substr(start, at++ - start);
    return true;
  }
  char* const copy = scratch.allocate(text.size() - start);
  char* end = copy;
  for (at = start; at < text.size(); ++at) {
    if (text[at] == '"') {
      ++at;
      out = {copy, static_cast<std::size_t>(end - copy)};
      return true;
    }
    if (text[at] == '\\' && ++at == text.size()) return false;
    *end++ = text[at];
  }
  return false;
}

// "[2:4][-1:0]=" before an array with other lower bounds than 1.
bool skip_bounds(std::string_view text, std::size_t& at) {
  const auto integer = [&] {
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at > start;
  };
  const auto take = [&](char c) { return at < text.size() && text[at] == c && ++at > 0; };
  while (take('[')) {
    if (!integer() || !take(':') || !integer() || !take(']')) return false;
  }
  return at == 0 || take('=');
}

}  // namespace

ArrayText::ArrayText(std::string_view text, char delimiter, Arena& scratch)
    : text_(text), delimiter_(delimiter), scratch_(scratch) {
  if (!skip_bounds(text_, at_)) at_ = text_.size() + 1;  // next() answers Bad
}

ArrayText::Step ArrayText::next() {
  if (done_) return at_ == text_.size() ? Step::End : Step::Bad;
  if (at_ >= text_.size()) return Step::Bad;
  if (!expects_value_) {
    if (text_[at_] == delimiter_) {
      ++at_;
      expects_value_ = true;
      just_opened_ = false;
      if (at_ == text_.size()) return Step::Bad;
    } else if (text_[at_] != '}') {
      return Step::Bad;
    }
  }
  if (text_[at_] == '}') {
    if (depth_ == 0 || (expects_value_ && !just_opened_)) return Step::Bad;
    ++at_;
    expects_value_ = false;
    done_ = --depth_ == 0;
    return Step::Close;
  }
  if (text_[at_] == '{') {
    if (++depth_ > kMostDimensions) return Step::Bad;
    ++at_;
    just_opened_ = true;
    return Step::Open;
  }
  if (depth_ == 0 || !read_element()) return Step::Bad;
  expects_value_ = false;
  return Step::Element;
}

bool ArrayText::read_element() {
  std::string_view value;
  if (text_[at_] == '"') {
    ++at_;
    if (!read_quoted(text_, at_, scratch_, value)) return false;
    element_ = value;
    return true;
  }
  const std::size_t start = at_;
  bool escaped = false;
  while (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '}') {
    if (text_[at_] == '\\') {
      escaped = true;
      ++at_;
    }
    ++at_;
  }
  if (at_ >= text_.size()) return false;
  value = text_.substr(start, at_ - start);
  if (escaped) {
    char* const copy = scratch_.allocate(value.size());
    char* end = copy;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '\\' && i + 1 < value.size()) ++i;
      *end++ = value[i];
    }
    value = {copy, static_cast<std::size_t>(end - copy)};
  }
  if (!escaped && value == "NULL") {
    element_.reset();
  } else {
    element_ = value;
  }
  return true;
}

bool RecordText::open() {
  if (text_.size() < 2 || text_[0] != '(') return false;
  at_ = 1;
  return true;
}

bool RecordText::next(std::optional<std::string_view>& field) {
  if (done_ || at_ >= text_.size()) return false;
  const std::size_t start = at_;
  bool quoted = false;
  bool plain = true;  // nothing to take out: the field is a view
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (!quoted && (c == ',' || c == ')')) break;
    if (c == '"' || c == '\\') plain = false;
    if (c == '"') quoted = !quoted;  // "" inside quotes closes and opens again
    if (c == '\\') ++at_;
  }
  if (at_ >= text_.size()) return false;
  const auto raw = text_.substr(start, at_ - start);
  done_ = text_[at_++] == ')';
  if (raw.empty()) {
    field.reset();
    return true;
  }
  if (plain) {
    field = raw;
    return true;
  }
  char* const copy = scratch_.allocate(raw.size());
  char* end = copy;
  quoted = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '"') {
      if (quoted && i + 1 < raw.size() && raw[i + 1] == '"') {
        *end++ = raw[++i];
      } else {
        quoted = !quoted;
      }
      continue;
    }
    if (raw[i] == '\\' && i + 1 < raw.size()) ++i;
    *end++ = raw[i];
  }
  field = std::string_view(copy, static_cast<std::size_t>(end - copy));
  return true;
}

bool HstoreText::quoted(std::string_view& out) {
  if (at_ >= text_.size() || text_[at_] != '"') return false;
  ++at_;
  return read_quoted(text_, at_, scratch_, out);
}

bool HstoreText::next(std::string_view& key, std::optional<std::string_view>& value) {
  const auto take = [&](std::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  };
  if (!quoted(key) || !take("=>")) return false;
  if (take("NULL")) {
    value.reset();
  } else {
    std::string_view text;
    if (!quoted(text)) return false;
    value = text;
  }
  return done() || (take(", ") && !done());
}

namespace {

// One bound, up to an unquoted `,`, `)` or `]`. Nothing at all: unbounded.
bool read_bound(std::string_view text, std::size_t& at, Arena& scratch, std::optional<std::string_view>& out) {
  const std::size_t start = at;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (!quoted && (c == ',' || c == ')' || c == ']')) break;
    if (c == '"') quoted = !quoted;
    if (c == '\\') ++at;
  }
  if (at >= text.size()) return false;
  const auto raw = text.substr(start, at - start);
  out.reset();
  if (raw.empty()) return true;
  char* const copy = scratch.allocate(raw.size());
  char* end = copy;
  quoted = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '"') {
      const bool doubled = quoted && i + 1 < raw.size() && raw[i + 1] == '"';
      if (!doubled) {
        quoted = !quoted;
        continue;
      }
      ++i;
    } else if (raw[i] == '\\' && i + 1 < raw.size()) {
      ++i;
    }
    *end++ = raw[i];
  }
  out = std::string_view(copy, static_cast<std::size_t>(end - copy));
  return true;
}

}  // namespace

bool read_range(std::string_view text, std::size_t& at, Arena& scratch, RangeText& out) {
  constexpr std::string_view kEmpty = "empty";
  if (text.substr(at, kEmpty.size()) == kEmpty) {
    at += kEmpty.size();
    out = {};
    out.empty = true;
    return true;
  }
  if (at >= text.size() || (text[at] != '[' && text[at] != '(')) return false;
  out.empty = false;
  out.open = text[at++];
  if (!read_bound(text, at, scratch, out.lower) || text[at] != ',') return false;
  ++at;
  if (!read_bound(text, at, scratch, out.upper) || text[at] == ',') return false;
  out.close = text[at++];
  return true;
}

}  // namespace walbridge::mapping
