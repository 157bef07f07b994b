#include "pipeline/api/cache_sql.h"

#include <array>
#include <charconv>
#include <cmath>

namespace walbridge {
namespace {

constexpr std::string_view kFillPrefix = "_walbridge_fill_";

std::string quote_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  quoted += '\'';
  return quoted;
}

std::string blob_literal(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string literal = "x'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    literal += kDigits[byte >> 4U];
    literal += kDigits[byte & 15U];
  }
  return literal + "'";
}

// 17 digits identify a double; a point or an exponent keeps it one.
std::string real_literal(double value) {
  if (std::isnan(value)) return "NULL";
  if (std::isinf(value)) return value > 0 ? "9e999" : "-9e999";
  std::array<char, 40> digits{};
  const auto [end, failure] =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general, 17);
  std::string text(digits.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string computed_definition(const ComputedColumn& computed) {
  return quote_identifier(computed.name) + (computed.decl.empty() ? "" : " " + computed.decl) +
         " GENERATED ALWAYS AS (" + computed.sql + ") VIRTUAL";
}

std::string comma_list(const std::vector<std::string>& parts, std::string_view prefix = "") {
  std::string list;
  for (const auto& part : parts) list += (list.empty() ? "" : ", ") + std::string(prefix) + part;
  return list;
}

// The index holds no text of its own: it reads the table's, and the triggers tell it what went and what came.
std::vector<std::string> create_full_text_sql(const CacheTable& table, const CacheIndex& index, std::string_view name) {
  const auto fts = quote_identifier(name);
  const auto on = quote_identifier(table.name);
  const auto key = table.key.empty() ? std::string("rowid") : table.columns[table.key.front()].name;
  const auto forget = "INSERT INTO " + fts + " (" + fts + ", rowid, " + comma_list(index.parts) +
                      ") VALUES ('delete', old." + quote_identifier(key) + ", " + comma_list(index.parts, "old.") +
                      ");";
  const auto learn = "INSERT INTO " + fts + " (rowid, " + comma_list(index.parts) + ") VALUES (new." +
                     quote_identifier(key) + ", " + comma_list(index.parts, "new.") + ");";
  const auto trigger = [&](std::string_view event, const std::string& body) {
    return "CREATE TRIGGER " + quote_identifier(full_text_trigger_name(event, name)) + " AFTER " + std::string(event) +
           " ON " + on + " BEGIN " + body + " END";
  };
  return {"CREATE VIRTUAL TABLE " + fts + " USING fts5(" + comma_list(index.parts) +
              ", content=" + quote_text(table.name) + ", content_rowid=" + quote_text(key) + ")",
          trigger("INSERT", learn), trigger("UPDATE", forget + " " + learn), trigger("DELETE", forget),
          "INSERT INTO " + fts + " (" + fts + ") VALUES ('rebuild')"};
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

std::string create_table_sql(const CacheTable& table, std::string_view table_name) {
  std::string sql = "CREATE TABLE " + quote_identifier(table_name) + " (";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    if (i > 0) sql += ", ";
    sql += quote_identifier(column.name) + " " + column.decl;
    if (table.rowid_key) {
      if (table.key.front() == i) sql += " PRIMARY KEY";
      continue;
    }
    // SQLite lets NULL into keys that are not INTEGER PRIMARY KEY.
    for (const auto key : table.key) {
      if (key == i && column.decl.find(" NOT NULL") == std::string::npos) sql += " NOT NULL";
    }
  }
  for (const auto& computed : table.computed) sql += ", " + computed_definition(computed);
  if (!table.rowid_key && !table.key.empty()) {
    sql += ", PRIMARY KEY (";
    for (std::size_t i = 0; i < table.key.size(); ++i) {
      if (i > 0) sql += ", ";
      sql += quote_identifier(table.columns[table.key[i]].name);
    }
    sql += ")";
  }
  return sql + ")";
}

std::vector<std::string> create_index_sql(const CacheTable& table, const CacheIndex& index, std::string_view name) {
  if (index.kind == CacheIndex::Kind::FullText) return create_full_text_sql(table, index, name);
  const char* const create = index.kind == CacheIndex::Kind::Unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
  auto sql = create + quote_identifier(name) + " ON " + quote_identifier(table.name) + " (";
  if (index.kind == CacheIndex::Kind::Vector) {
    sql += "libsql_vector_idx(" + (index.parts.empty() ? std::string() : index.parts.front());
    if (index.parts.size() > 1) sql += ", " + quote_text("metric=" + index.parts[1]);
    sql += ")";
  } else {
    sql += comma_list(index.parts);
  }
  sql += ")";
  if (!index.where.empty()) sql += " WHERE " + index.where;
  return {sql};
}

std::string full_text_trigger_name(std::string_view event, std::string_view index_name) {
  std::string name = "_walbridge_fts_";
  for (const char c : event) name += static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return name + "_" + std::string(index_name);
}

std::vector<std::string> drop_index_sql(const CacheIndex& index, std::string_view name) {
  if (index.kind != CacheIndex::Kind::FullText) return {"DROP INDEX IF EXISTS " + quote_identifier(name)};
  std::vector<std::string> statements;
  for (const char* event : {"INSERT", "UPDATE", "DELETE"}) {
    statements.push_back("DROP TRIGGER IF EXISTS " + quote_identifier(full_text_trigger_name(event, name)));
  }
  statements.push_back("DROP TABLE IF EXISTS " + quote_identifier(name));
  return statements;
}

std::string add_column_sql(std::string_view table, const CacheColumn& column, const SqlValue& fill) {
  auto sql =
      "ALTER TABLE " + quote_identifier(table) + " ADD COLUMN " + quote_identifier(column.name) + " " + column.decl;
  const bool filled = fill.kind != SqlValue::Kind::Null && fill.kind != SqlValue::Kind::Absent;
  return filled ? sql + " DEFAULT " + literal_sql(fill) : sql;
}

std::string add_computed_sql(std::string_view table, const ComputedColumn& computed) {
  return "ALTER TABLE " + quote_identifier(table) + " ADD COLUMN " + computed_definition(computed);
}

std::string literal_sql(const SqlValue& value) {
  switch (value.kind) {
    case SqlValue::Kind::Integer:
      return std::to_string(value.integer);
    case SqlValue::Kind::Real:
      return real_literal(value.real);
    case SqlValue::Kind::Text:
      // SQL text ends at a NUL.
      if (value.bytes.find('\0') != std::string_view::npos) return "CAST(" + blob_literal(value.bytes) + " AS TEXT)";
      return quote_text(value.bytes);
    case SqlValue::Kind::Blob:
      return blob_literal(value.bytes);
    default:
      return "NULL";
  }
}

// The number comes first: it ends at the first '_', whatever the stream is called.
std::string backfill_table_name(std::string_view stream, std::uint32_t source_oid) {
  return std::string(kFillPrefix) + std::to_string(source_oid) + "_" + std::string(stream);
}

std::optional<std::uint32_t> backfill_table_oid(std::string_view stream, std::string_view table_name) {
  if (!table_name.starts_with(kFillPrefix)) return std::nullopt;
  const auto rest = table_name.substr(kFillPrefix.size());
  std::uint32_t oid = 0;
  const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), oid);
  const auto digits = static_cast<std::size_t>(end - rest.data());
  if (failure != std::errc{} || digits >= rest.size() || rest[digits] != '_') return std::nullopt;
  return rest.substr(digits + 1) == stream ? std::optional(oid) : std::nullopt;
}

bool is_backfill_table(std::string_view stream, std::string_view table_name) {
  return backfill_table_oid(stream, table_name).has_value();
}

}  // namespace walbridge
