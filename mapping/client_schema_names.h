// Names in generated clients: from any name Postgres allows to one that TypeScript and Prisma allow, always the same
// one for the same schema. Pure; one thread.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace walbridge::mapping {

// "tenant_id" -> "tenantId", "2x" -> "x2x", "ünï" -> "uni"; letters without a Latin base become their code point.
std::string camel_name(std::string_view name);
// "order items" -> "OrderItems"
std::string pascal_name(std::string_view name);
// "won't pay" -> "won_t_pay", "Active" stays: enum members keep their case.
std::string member_name(std::string_view name);

// Hands out names once. A name that is reserved gets `suffix`, one that is taken a number.
class NameBook {
 public:
  NameBook(std::set<std::string> reserved, std::string suffix)
      : reserved_(std::move(reserved)), suffix_(std::move(suffix)) {}

  // One name for each wanted one, in order; those whose `exact` name is the wanted one come first, so that a table that
  // appears later cannot take the name of another.
  std::vector<std::string> assign(const std::vector<std::string>& wanted, const std::vector<std::string>& exact);

 private:
  std::string take(const std::string& wanted);

  std::set<std::string> reserved_;
  std::set<std::string> taken_;
  std::string suffix_;
};

// Words no binding of a module may have, in TypeScript or as a Prisma model.
const std::set<std::string>& script_words();
// Properties that tables and rows have already.
const std::set<std::string>& taken_properties();

// A string literal of TypeScript, which is also one of Prisma.
std::string quoted_literal(std::string_view text);
// Text inside a comment: one line, and nothing that ends the comment.
std::string comment_text(std::string_view text);

}  // namespace walbridge::mapping
