// Names in the cache. SQLite folds the case of ASCII letters only, keeps tables and indexes in one name space and
// reserves some prefixes; a name is never changed in silence. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

// The name as SQLite compares it.
std::string fold_name(std::string_view name);

// The reserved prefix `name` begins with, or nothing.
std::string_view reserved_prefix(std::string_view name);

// {schema} and {table} replaced.
std::string expand_name(const std::string& pattern, const SourceTable& source);

// The pattern a table is named by when no rule says otherwise.
std::string default_pattern(const config::Naming& naming, const SourceTable& source);

// A name as a YAML value that is right whatever is in it.
std::string yaml_quoted(std::string_view name);

}  // namespace walbridge::mapping
