// Names, types and numbers in the JSON parse tree of libpg_query, in the form Postgres prints them. Whatever the tree
// looks like, a member that is not there reads as an empty one. Pure; used by pg_expression.cc only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace walbridge::mapping {

const nlohmann::json& member(const nlohmann::json& node, const char* name);
std::string string_member(const nlohmann::json& node, const char* name);

// A list of String nodes; empty when something else is among them.
std::vector<std::string> names_of(const nlohmann::json& list);

// The operator, without the schema pg_catalog; nothing when it is of another one.
std::optional<std::string> operator_of(const nlohmann::json& list);

// An integer A_Const as written. The tree leaves out the number itself unless it is positive, so that it is read from
// the statement.
std::optional<std::string> integer_of(const nlohmann::json& constant, std::string_view statement);

// A type as format_type() prints it: "character varying(20)", "timestamp(3) with time zone", "app.mood[]".
std::optional<std::string> type_name(const nlohmann::json& type, std::string_view statement);

// What a node of this name is, in words.
std::string describe_node(const std::string& node);

}  // namespace walbridge::mapping
