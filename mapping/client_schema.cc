#include "mapping/client_schema.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "mapping/client_schema_columns.h"
#include "mapping/client_schema_drizzle.h"
#include "mapping/client_schema_names.h"
#include "mapping/client_schema_prisma.h"
#include "pipeline/api/cache_sql.h"

namespace walbridge::mapping {

namespace {

constexpr std::string_view kStampWord = "walbridge-schema ";
constexpr std::string_view kTableWord = "walbridge-table ";

// FNV-1a over the sorted, length-prefixed pairs.
std::string hash_of(std::vector<StampedTable> tables) {
  std::sort(tables.begin(), tables.end(), [](const StampedTable& a, const StampedTable& b) { return a.name < b.name; });
  std::uint64_t state = 0xcbf29ce484222325;
  const auto add = [&](std::string_view field) {
    for (const char c : fmt::format("{}:{}", field.size(), field)) {
      state ^= static_cast<unsigned char>(c);
      state *= 0x100000001b3;
    }
  };
  for (const auto& table : tables) {
    add(table.name);
    add(table.schema_hash);
  }
  return fmt::format("{:016x}", state);
}

std::vector<StampedTable> stamps_of(std::span<const TableRecord> records) {
  std::vector<StampedTable> tables;
  for (const auto& record : records) {
    if (in_service(record)) tables.push_back({record.cache_name, record.schema_hash});
  }
  return tables;
}

std::string sql_schema(const std::vector<ClientTable>& tables) {
  std::string text;
  for (const auto& table : tables) {
    const auto& cache = table.plan->cache();
    text += fmt::format("\n-- walbridge-table {} {}\n", cache.schema_hash, quoted_literal(cache.name));
    text += fmt::format("-- {}\n", comment_text(cache.source_name));
    text += create_table_sql(cache, cache.name) + ";\n";
    for (const auto& index : cache.indexes) {
      for (const auto& statement : create_index_sql(cache, index, index.name)) text += statement + ";\n";
    }
  }
  return text;
}

// The text of a literal made by quoted_literal(), up to its closing quote.
std::string unquoted_literal(std::string_view text) {
  std::string plain;
  for (std::size_t i = 1; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      plain += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'n' || c == 'r' || c == 't') {
      plain += c == 'n' ? '\n' : c == 'r' ? '\r' : '\t';
    } else if (c == 'u' && i + 4 < text.size()) {
      plain += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 4)).c_str(), nullptr, 16));
      i += 4;
    } else {
      plain += c;
    }
  }
  return plain;
}

}  // namespace

std::string client_schema(ClientFormat format, const SinkPlan& plan, std::span<const SourceTable> tables,
                          const config::Config& config, std::string_view sink_name) {
  const auto all = client_tables(plan, tables, config);
  const char* const word = format == ClientFormat::Drizzle  ? "drizzle"
                           : format == ClientFormat::Prisma ? "prisma"
                                                            : "sql";
  const char* const mark = format == ClientFormat::Sql ? "--" : "//";
  auto text = fmt::format(
      "{0} Made by `walbridge schema --format {1}` for sink {2}: make it again when tables change, do not edit it.\n"
      "{0} {3}{4}\n",
      mark, word, comment_text(sink_name), kStampWord, schema_hash(plan));
  switch (format) {
    case ClientFormat::Drizzle:
      return text + drizzle_schema(all, config.clients_int8_number);
    case ClientFormat::Prisma:
      return text + prisma_schema(all);
    case ClientFormat::Sql:
      break;
  }
  return text + sql_schema(all);
}

std::string schema_hash(const SinkPlan& plan) {
  std::vector<StampedTable> tables;
  for (const auto& table : plan.tables) tables.push_back({table->cache().name, table->cache().schema_hash});
  return hash_of(std::move(tables));
}

std::string schema_hash(std::span<const TableRecord> records) { return hash_of(stamps_of(records)); }

bool in_service(const TableRecord& record) {
  if (record.state != TableState::Stopped) return true;
  return !record.schema_hash.empty() && record.code != "not-selected" && record.code != "dropped";
}

SchemaStamp read_stamp(std::string_view file) {
  SchemaStamp stamp;
  for (std::size_t at = 0; at < file.size();) {
    const auto end = std::min(file.find('\n', at), file.size());
    const auto line = file.substr(at, end - at);
    at = end + 1;
    // Only as a comment that fills its line: a table's comment may hold anything.
    const auto begins = line.substr(0, 3);
    if (begins != "// " && begins != "-- ") continue;
    const auto rest = line.substr(3);
    if (rest.substr(0, kStampWord.size()) == kStampWord && stamp.hash.empty()) {
      stamp.hash = rest.substr(kStampWord.size());
    }
    if (rest.substr(0, kTableWord.size()) == kTableWord) {
      const auto table = rest.substr(kTableWord.size());
      const auto space = std::min(table.find(' '), table.size());
      const auto name = table.substr(std::min(space + 1, table.size()));
      stamp.tables.push_back({unquoted_literal(name), std::string(table.substr(0, space))});
    }
  }
  return stamp;
}

std::vector<std::string> compare_stamp(const SchemaStamp& stamp, std::span<const TableRecord> records) {
  std::map<std::string, std::string> in_file;
  for (const auto& table : stamp.tables) in_file[table.name] = table.schema_hash;
  std::vector<std::string> differences;
  for (const auto& table : stamps_of(records)) {
    const auto found = in_file.find(table.name);
    if (found == in_file.end()) {
      differences.push_back("table " + table.name + " is not in the file");
    } else if (found->second != table.schema_hash) {
      differences.push_back("table " + table.name + " has another schema now");
    }
    if (found != in_file.end()) in_file.erase(found);
  }
  for (const auto& [name, hash] : in_file) differences.push_back("table " + name + " is not in the cache");
  return differences;
}

}  // namespace walbridge::mapping
