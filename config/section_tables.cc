// `tables` and `naming`, and the globs and name templates that other sections hold too.
#include <array>
#include <utility>

#include <fmt/format.h>

#include "config/nearest.h"
#include "config/sections.h"

namespace walbridge::config {
namespace {

constexpr auto kPlaceholders = std::to_array<std::string_view>({"schema", "table"});

std::vector<std::string> read_table_globs(const Field& field) {
  std::vector<std::string> globs;
  for (const Field& item : field.items()) {
    if (auto glob = read_table_glob(item)) globs.push_back(*std::move(glob));
  }
  return globs;
}

// What is wrong with "{schema}_{table}", if anything.
std::optional<std::string> template_fault(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '}') return "holds a `}` without `{`";
    if (text[i] != '{') continue;
    const std::size_t close = text.find('}', i);
    if (close == std::string::npos) return "holds a `{` without `}`";
    const std::string_view word = std::string_view(text).substr(i + 1, close - i - 1);
    if (word != kPlaceholders[0] && word != kPlaceholders[1])
      return "may hold {schema} and {table}, nothing else in braces";
    i = close;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_table_glob(const Field& field) {
  auto glob = field.text();
  if (!glob || glob->find_first_of(".*") != std::string::npos) return glob;
  field.problem("matches no table: globs are over schema.table, e.g. public.users or public.*");
  return std::nullopt;
}

std::optional<std::string> read_name_template(const Field& field) {
  auto name = field.text();
  if (!name) return name;
  auto fault = template_fault(*name);
  if (!fault) return name;
  field.problem(*std::move(fault));
  return std::nullopt;
}

TableFilter read_table_filter(const Field& field) {
  TableFilter filter;
  if (!field.check_map()) return filter;
  const Field include = field.child("include");
  const std::size_t before = field.reading().problems.size();
  filter.include = read_table_globs(include);
  if (include.present() && filter.include.empty() && field.reading().problems.size() == before) {
    include.problem("must list at least one glob; leave the key out for all tables");
  }
  filter.exclude = read_table_globs(field.child("exclude"));
  return filter;
}

void read_tables(const Field& root, Config& config) {
  config.tables = read_table_filter(root.child("tables"));
  const Field naming = root.child("naming");
  if (!naming.check_map()) return;
  const Field table = naming.child("table");
  if (auto name = read_name_template(table)) {
    if (name->find("{table}") == std::string::npos) {
      table.problem("must hold {table}, or all tables would have one name");
    } else {
      config.naming.table = *std::move(name);
    }
  }
  if (const Field drop = naming.child("drop_schema"); drop.present()) config.naming.drop_schema = drop.texts();
}

}  // namespace walbridge::config
