// Field's typed values: scalars after substitution, with the range or the words allowed in every refusal.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "config/field.h"
#include "config/nearest.h"
#include "config/substitute.h"

namespace walbridge::config {
namespace {

constexpr std::size_t kLongestWord = 63;  // NAMEDATALEN - 1, for what becomes a name in Postgres

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

template <class T>
bool parse_whole(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  return code == std::errc{} && stop == end;
}

struct Unit {
  std::string_view suffix;
  unsigned shift;
};

constexpr auto kUnits = std::to_array<Unit>({{"GiB", 30}, {"MiB", 20}, {"KiB", 10}});

std::optional<std::uint64_t> parse_size(std::string text) {
  unsigned shift = 0;
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    text.resize(text.size() - unit.suffix.size());
    while (text.ends_with(' ')) text.pop_back();
    shift = unit.shift;
    break;
  }
  std::uint64_t count = 0;
  if (!parse_whole(text, count) || count > (UINT64_MAX >> shift)) return std::nullopt;
  return count << shift;
}

std::string print_size(std::uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes >> unit.shift << unit.shift == bytes) return fmt::format("{}{}", bytes >> unit.shift, unit.suffix);
  }
  return fmt::format("{}", bytes);
}

}  // namespace

std::optional<std::string> Field::text_or_empty() const {
  if (node_ == nullptr) return std::nullopt;
  if (is_null()) {
    problem("has no value; write one, or remove the key (the word null needs quotes)");
    return std::nullopt;
  }
  if (node_->kind != YamlNode::Kind::Scalar) {
    problem(fmt::format("must be a single value, not {}", is_map() ? "a map" : "a list"));
    return std::nullopt;
  }
  auto outcome = substitute(node_->text, reading_->environment);
  if (auto* fault = std::get_if<SubstitutionProblem>(&outcome)) {
    problem(std::move(fault->message));
    return std::nullopt;
  }
  std::string value = std::get<std::string>(std::move(outcome));
  if (std::any_of(value.begin(), value.end(), is_control)) {
    problem("holds a line end or another control character (a YAML block starts with `>-` to have none)");
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> Field::text() const {
  auto value = text_or_empty();
  if (value && value->empty()) {
    problem("is empty");
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> Field::word(std::string_view what, bool dashes) const {
  auto value = text();
  if (!value) return value;
  const bool fits = value->size() <= kLongestWord && std::all_of(value->begin(), value->end(), [&](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (dashes && c == '-');
                    });
  if (fits) return value;
  problem(fmt::format("{} must be 1 to {} of a-z, 0-9{}", what, kLongestWord, dashes ? ", _ and -" : " and _"));
  return std::nullopt;
}

std::optional<std::int64_t> Field::integer(std::int64_t least, std::int64_t most) const {
  const auto written = text();
  if (!written) return std::nullopt;
  std::int64_t value = 0;
  if (parse_whole(*written, value) && value >= least && value <= most) return value;
  problem(fmt::format("must be a whole number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<double> Field::number(double least, double most) const {
  const auto written = text();
  if (!written) return std::nullopt;
  double value = 0;
  if (parse_whole(*written, value) && std::isfinite(value) && value >= least && value <= most) return value;
  problem(fmt::format("must be a number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<bool> Field::boolean() const {
  const auto written = text();
  if (!written) return std::nullopt;
  if (*written == "true") return true;
  if (*written == "false") return false;
  problem("must be `true` or `false`");
  return std::nullopt;
}

std::optional<std::uint64_t> Field::size(std::uint64_t least, std::uint64_t most) const {
  const auto written = text();
  if (!written) return std::nullopt;
  const auto value = parse_size(*written);
  if (value && *value >= least && *value <= most) return value;
  problem(fmt::format("must be a size from {} to {}: bytes, or a number with KiB, MiB or GiB", print_size(least),
                      print_size(most)));
  return std::nullopt;
}

std::optional<std::size_t> Field::choice(std::span<const std::string_view> words) const {
  const auto written = text();
  if (!written) return std::nullopt;
  const auto at = std::find(words.begin(), words.end(), *written);
  if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
  std::string message = "must be one of " + listed(words);
  if (const auto near = nearest(*written, words)) message += fmt::format("; did you mean `{}`?", *near);
  problem(std::move(message));
  return std::nullopt;
}

std::vector<std::string> Field::texts() const {
  std::vector<std::string> all;
  for (const Field& item : items()) {
    if (auto value = item.text()) all.push_back(*std::move(value));
  }
  return all;
}

}  // namespace walbridge::config
