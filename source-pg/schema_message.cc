#include "source-pg/schema_message.h"

#include <charconv>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "pipeline/api/shallow_json.h"
#include "pipeline/api/source_json.h"

namespace walbridge::source_pg {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 20;

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// False: there is something else than oids in it.
bool read_oids(const Json& content, const char* name, std::vector<std::uint32_t>& into) {
  const Json* const list = member(content, name);
  if (list == nullptr || list->is_null()) return true;
  if (!list->is_array()) return false;
  for (const Json& oid : *list) {
    if (!oid.is_number_unsigned() || !std::in_range<std::uint32_t>(oid.get<std::uint64_t>())) return false;
    into.push_back(oid.get<std::uint32_t>());
  }
  return true;
}

bool read_tables(const Json& content, std::vector<std::shared_ptr<const SourceTable>>& into) {
  const Json* const list = member(content, "tables");
  if (list == nullptr || list->is_null()) return true;
  if (!list->is_array()) return false;
  bool all = true;
  for (const Json& entry : *list) {
    const Json* const description = entry.is_object() ? member(entry, "d") : nullptr;
    auto table = source_table_from_json(description == nullptr ? std::string() : description->dump());
    if (!table) {
      all = false;
      continue;
    }
    if (const Json* const rows = member(entry, "rows"); rows != nullptr && rows->is_number()) {
      table->estimated_rows = rows->get<double>();
    }
    into.push_back(std::make_shared<const SourceTable>(*std::move(table)));
  }
  return all;
}

}  // namespace

SchemaNews decode_schema_message(std::string_view content) {
  SchemaNews news;
  news.incomplete = true;
  const Json parsed = is_shallow_json(content, kDeepest) ? Json::parse(content, nullptr, false) : Json();
  if (!parsed.is_object()) return news;
  if (const Json* const tag = member(parsed, "tag"); tag != nullptr && tag->is_string()) {
    news.tag = tag->get<std::string>();
    news.late = news.tag == kAnnouncedTag;
  }
  const Json* const version = member(parsed, "v");
  const Json* const op = member(parsed, "op");
  if (version == nullptr || *version != 1 || op == nullptr || !op->is_string()) return news;
  const auto& what = op->get_ref<const std::string&>();
  const bool known = what == "ddl" || what == "rewrite" || what == "copy";
  const bool tables = read_tables(parsed, news.tables);
  const bool gone = read_oids(parsed, "gone", news.gone);
  const bool copy = read_oids(parsed, "copy", what == "copy" ? news.requested : news.rewritten);
  news.incomplete = !known || !tables || !gone || !copy;
  return news;
}

std::optional<std::uint64_t> decode_mark_message(std::string_view content) {
  std::uint64_t chunk = 0;
  const char* const end = content.data() + content.size();
  const auto [stop, failure] = std::from_chars(content.data(), end, chunk);
  if (failure != std::errc{} || stop != end) return std::nullopt;
  return chunk;
}

}  // namespace walbridge::source_pg
