#include "mapping/client_schema_drizzle.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "mapping/client_schema_names.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

// What the file uses of drizzle-orm and of our own helpers.
struct Used {
  std::set<std::string_view> imports;
  std::set<std::string_view> helpers;
  bool sql = false;

  void add_helper(std::string_view name) {
    if (name.empty() || !helpers.insert(name).second) return;
    for (const auto& helper : drizzle_helpers()) {
      if (helper.name != name) continue;
      imports.insert(helper.imports.begin(), helper.imports.end());
      for (const auto need : helper.needs) add_helper(need);
    }
  }
};

std::string doc_comment(const std::string& indent, const std::string& text, const std::string& comment) {
  if (comment.empty()) return indent + "/** " + comment_text(text) + " */\n";
  return indent + "/** " + comment_text(comment) + " (" + comment_text(text) + ") */\n";
}

std::string raw_sql(std::string_view text) { return "sql.raw(" + quoted_literal(text) + ")"; }

std::string column_text(const ClientColumn& column, const std::string& property, bool sole_key, bool int8_number,
                        Used& used) {
  auto drizzle = drizzle_column(column, int8_number);
  used.imports.insert(drizzle.imports.begin(), drizzle.imports.end());
  used.add_helper(drizzle.helper);
  auto text = drizzle.expression;
  if (sole_key) {
    text += ".primaryKey()";
  } else if (!column.nullable) {
    text += ".notNull()";
  }
  if (!column.computed.empty()) {
    used.sql = true;
    text += ".generatedAlwaysAs(" + raw_sql(column.computed) + ", { mode: \"virtual\" })";
  }
  return doc_comment("    ", column.note, column.comment) + fmt::format("    {}: {},\n", property, text);
}

// The property of a quoted column, or the part as SQL.
std::string index_part(const std::string& part, const ClientTable& table, const std::vector<std::string>& properties,
                       Used& used) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (part == quote_identifier(table.columns[i].name)) return "t." + properties[i];
  }
  used.sql = true;
  return raw_sql(part);
}

std::string index_text(const CacheIndex& index, const ClientTable& table, const std::vector<std::string>& properties,
                       Used& used) {
  if (index.kind == CacheIndex::Kind::Vector || index.kind == CacheIndex::Kind::FullText) {
    const auto* what = index.kind == CacheIndex::Kind::Vector ? "vector index" : "full-text table";
    return fmt::format("    // {} {}\n", what, comment_text(index.name));
  }
  const std::string_view function = index.kind == CacheIndex::Kind::Unique ? "uniqueIndex" : "index";
  used.imports.insert(function);
  auto text = fmt::format("    {}({}).on(", function, quoted_literal(index.name));
  for (std::size_t i = 0; i < index.parts.size(); ++i) {
    text += (i == 0 ? "" : ", ") + index_part(index.parts[i], table, properties, used);
  }
  text += ")";
  if (!index.where.empty()) {
    used.sql = true;
    text += ".where(" + raw_sql(index.where) + ")";
  }
  return text + ",\n";
}

std::vector<std::string> property_names(const ClientTable& table) {
  std::vector<std::string> wanted;
  std::vector<std::string> exact;
  for (const auto& column : table.columns) {
    wanted.push_back(camel_name(column.name));
    exact.push_back(column.name);
  }
  return NameBook(taken_properties(), "Column").assign(wanted, exact);
}

std::string table_text(const ClientTable& table, const std::string& constant, bool int8_number, Used& used) {
  const auto& cache = table.plan->cache();
  const auto properties = property_names(table);
  auto text = doc_comment("", cache.source_name, table.source == nullptr ? "" : table.source->comment);
  text += fmt::format("// walbridge-table {} {}\n", cache.schema_hash, quoted_literal(cache.name));
  if (table.key.empty()) text += "// It has no key: rows may be alike.\n";
  text += fmt::format("export const {} = sqliteTable(\n  {},\n  {{\n", constant, quoted_literal(cache.name));
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const bool sole_key = table.key.size() == 1 && table.key.front() == i;
    text += column_text(table.columns[i], properties[i], sole_key, int8_number, used);
  }
  text += "  }";
  std::string extra;
  if (table.key.size() > 1) {
    used.imports.insert("primaryKey");
    extra += "    primaryKey({ columns: [";
    for (std::size_t i = 0; i < table.key.size(); ++i) {
      extra += (i == 0 ? "t." : ", t.") + properties[table.key[i]];
    }
    extra += "] }),\n";
  }
  for (const auto& index : cache.indexes) extra += index_text(index, table, properties, used);
  const bool uses_columns = extra.find("t.") != std::string::npos;
  if (!extra.empty()) text += fmt::format(",\n  ({}) => [\n{}  ]", uses_columns ? "t" : "", extra);
  return text + ",\n);\n";
}

std::vector<std::string> constant_names(const std::vector<ClientTable>& tables) {
  auto reserved = script_words();
  for (const auto* word :
       {"Array",        "ArrayBuffer",  "BigInt",      "Boolean",    "Buffer",      "DataView", "Date",       "Error",
        "Float32Array", "Float64Array", "Infinity",    "JSON",       "Math",        "NaN",      "Number",     "Object",
        "Record",       "String",       "TextDecoder", "Uint8Array", "Uint16Array", "atob",     "blob",       "btoa",
        "customType",   "decodeJsonb",  "index",       "integer",    "numeric",     "parseInt", "primaryKey", "sql",
        "sqliteTable",  "text",         "uniqueIndex", "unixMicros", "unixMillis"}) {
    reserved.insert(word);
  }
  for (const auto& helper : drizzle_helpers()) reserved.insert(std::string(helper.name));
  std::vector<std::string> wanted;
  std::vector<std::string> exact;
  for (const auto& table : tables) {
    wanted.push_back(camel_name(table.plan->cache().name));
    exact.push_back(table.plan->cache().name);
  }
  return NameBook(std::move(reserved), "Table").assign(wanted, exact);
}

}  // namespace

std::string drizzle_schema(const std::vector<ClientTable>& tables, bool int8_number) {
  Used used;
  const auto constants = constant_names(tables);
  std::string body;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    body += "\n" + table_text(tables[i], constants[i], int8_number, used);
  }
  std::string head;
  if (!tables.empty()) used.imports.insert("sqliteTable");
  if (used.sql) head += "import { sql } from \"drizzle-orm\";\n";
  if (!used.imports.empty()) {
    head += "import { ";
    for (const auto name : used.imports) head += (name == *used.imports.begin() ? "" : ", ") + std::string(name);
    head += " } from \"drizzle-orm/sqlite-core\";\n";
  }
  for (const auto& helper : drizzle_helpers()) {
    if (used.helpers.count(helper.name) != 0) head += "\n" + std::string(helper.text);
  }
  if (tables.empty()) head += "export {};\n";
  return head + body;
}

}  // namespace walbridge::mapping
