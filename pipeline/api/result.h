// Result<T>: a T or an Error; a small stand-in for C++23's std::expected<T, Error>.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "pipeline/api/error.h"

namespace walbridge {

template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose: `return value;` and `return Error{...};` both read naturally.
  template <class U = T, std::enable_if_t<std::is_constructible_v<T, U&&> && !std::is_same_v<std::decay_t<U>, Result> &&
                                              !std::is_same_v<std::decay_t<U>, Error>,
                                          int> = 0>
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}      // NOLINT

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  Error& error() { return *std::get_if<1>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

struct Done {};

// Success carries nothing, so the happy path moves one flag and no Error.
template <>
class [[nodiscard]] Result<Done> {
 public:
  Result(Done = {}) {}                               // NOLINT
  Result(Error error) : error_(std::move(error)) {}  // NOLINT
  explicit operator bool() const { return !error_.has_value(); }
  Error& error() { return *error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

using Status = Result<Done>;

}  // namespace walbridge

// Evaluates a Status or Result; returns its error from the enclosing function.
#define WALBRIDGE_TRY(expression)                                    \
  do {                                                               \
    if (auto walbridge_outcome = (expression); !walbridge_outcome) { \
      return std::move(walbridge_outcome.error());                   \
    }                                                                \
  } while (false)

#define WALBRIDGE_CONCAT_(a, b) a##b
#define WALBRIDGE_CONCAT(a, b) WALBRIDGE_CONCAT_(a, b)
#define WALBRIDGE_TRY_AS_(holder, declaration, expression) \
  auto holder = (expression);                              \
  if (!holder) return std::move(holder.error());           \
  declaration = *std::move(holder)

// WALBRIDGE_TRY_AS(auto rows, count_rows()): declares `rows` or returns the error.
#define WALBRIDGE_TRY_AS(declaration, expression) \
  WALBRIDGE_TRY_AS_(WALBRIDGE_CONCAT(walbridge_result_, __LINE__), declaration, expression)
