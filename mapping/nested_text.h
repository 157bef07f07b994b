// Postgres' text forms that hold other values: arrays, composites, hstore and ranges. Each reader walks one text once,
// checks every byte, and gives the parts unquoted. Pure; parts live in the text or in `scratch`.
#pragma once

#include <optional>
#include <string_view>

#include "pipeline/api/arena.h"

namespace walbridge::mapping {

// One step of an array: "{" and "}" of any dimension, or an element.
class ArrayText {
 public:
  enum class Step { Open, Close, Element, End, Bad };
  ArrayText(std::string_view text, char delimiter, Arena& scratch);

  Step next();
  // Of the last Element; nullopt: NULL.
  const std::optional<std::string_view>& element() const { return element_; }

 private:
  bool read_element();
  bool expects_value_ = true;

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  char delimiter_;
  bool done_ = false;
  bool just_opened_ = false;
  std::optional<std::string_view> element_;
  Arena& scratch_;
};

// The fields of "(a,,\"b\")" in order.
class RecordText {
 public:
  RecordText(std::string_view text, Arena& scratch) : text_(text), scratch_(scratch) {}

  bool open();                                        // the text begins like a record
  bool next(std::optional<std::string_view>& field);  // false: malformed or no field left
  bool done() const { return done_ && at_ == text_.size(); }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  bool done_ = false;
  Arena& scratch_;
};

// The pairs of "\"a\"=>\"1\", \"b\"=>NULL".
class HstoreText {
 public:
  HstoreText(std::string_view text, Arena& scratch) : text_(text), scratch_(scratch) {}

  bool done() const { return at_ == text_.size(); }
  bool next(std::string_view& key, std::optional<std::string_view>& value);  // false: malformed

 private:
  bool quoted(std::string_view& out);

  std::string_view text_;
  std::size_t at_ = 0;
  Arena& scratch_;
};

// "[1,10)", "(,\"a b\"]", "empty"
struct RangeText {
  bool empty = false;
  std::optional<std::string_view> lower;
  std::optional<std::string_view> upper;
  char open = '(';
  char close = ')';
};
// Reads one range at `at` and moves behind it.
bool read_range(std::string_view text, std::size_t& at, Arena& scratch, RangeText& out);

}  // namespace walbridge::mapping
