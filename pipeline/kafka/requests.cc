#include "pipeline/kafka/requests.h"

#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "pipeline/api/shallow_json.h"
#include "pipeline/api/source_json.h"

namespace walbridge::kafka {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr int kDeepest = 20;
constexpr std::string_view kHexDigits = "0123456789abcdef";

constexpr std::array<std::pair<Request::Kind, std::string_view>, 5> kKinds = {{
    {Request::Kind::Catalog, "catalog"},
    {Request::Kind::Chunk, "chunk"},
    {Request::Kind::Withdraw, "withdraw"},
    {Request::Kind::Announce, "announce"},
    {Request::Kind::Copy, "copy"},
}};

Json hex_of(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex += kHexDigits[static_cast<std::uint8_t>(c) >> 4];
    hex += kHexDigits[static_cast<std::uint8_t>(c) & 15];
  }
  return {{"hex", std::move(hex)}};
}

// A database that does not know its encoding (SQL_ASCII) may hold texts that JSON cannot: those go as {"hex":…}.
Json text_to_json(const std::string& text) {
  const std::string quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::ignore);
  const Json back = Json::parse(quoted, nullptr, false);
  return back == Json(text) ? Json(text) : hex_of(text);
}

Json texts_to_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const auto& text : texts) list.push_back(text_to_json(text));
  return list;
}

Json table_to_json(const SourceTable& table) {
  return {{"d", Json::parse(table.json, nullptr, false)}, {"rows", table.estimated_rows}, {"bytes", table.bytes}};
}

Json chunk_to_json(const ChunkRequest& chunk) {
  Json json = {{"id", chunk.id},
               {"columns", texts_to_json(chunk.columns)},
               {"key", texts_to_json(chunk.key)},
               {"after", texts_to_json(chunk.after)},
               {"only", Json::array()},
               {"leaf", chunk.leaf},
               {"most_rows", chunk.most_rows},
               {"most_bytes", chunk.most_bytes},
               {"first", chunk.first},
               {"where", text_to_json(chunk.publish_where)},
               {"append_only", chunk.append_only}};
  for (const RowKey& key : chunk.only) json["only"].push_back(texts_to_json(key));
  if (chunk.table != nullptr) json["table"] = table_to_json(*chunk.table);
  return json;
}

// Reads members of objects; what is missing or of another kind fails the whole reading, once.
class Members {
 public:
  bool failed() const { return failed_; }

  const Json& of(const Json& object, const char* name) {
    static const Json kNone;
    const auto found = object.is_object() ? object.find(name) : object.end();
    if (!object.is_object() || found == object.end()) return failed_ = true, kNone;
    return *found;
  }
  std::string text(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    const Json& hex = of(value, "hex");
    if (!hex.is_string()) return failed_ = true, std::string();
    return from_hex(hex.get_ref<const std::string&>());
  }
  template <class T>
  T number(const Json& value) {
    if (!value.is_number_unsigned() || !std::in_range<T>(value.get<std::uint64_t>())) return failed_ = true, T{};
    return value.get<T>();
  }
  bool flag(const Json& value) {
    if (!value.is_boolean()) return failed_ = true, false;
    return value.get<bool>();
  }
  template <class Read>
  auto list(const Json& value, Read&& read) {
    std::vector<decltype(read(value))> items;
    if (!value.is_array()) return failed_ = true, items;
    items.reserve(value.size());
    for (const Json& item : value) items.push_back(read(item));
    return items;
  }
  std::vector<std::string> texts(const Json& value) {
    return list(value, [&](const Json& item) { return text(item); });
  }
  std::shared_ptr<const SourceTable> table(const Json& value) {
    auto table = source_table_from_json(of(value, "d").dump());
    const Json& rows = of(value, "rows");
    if (!table || !rows.is_number()) return failed_ = true, nullptr;
    table->estimated_rows = rows.get<double>();
    table->bytes = number<std::uint64_t>(of(value, "bytes"));
    return std::make_shared<const SourceTable>(*std::move(table));
  }

 private:
  std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      const auto high = kHexDigits.find(hex[i]);
      const auto low = i + 1 < hex.size() ? kHexDigits.find(hex[i + 1]) : std::string_view::npos;
      if (high == std::string_view::npos || low == std::string_view::npos) return failed_ = true, std::string();
      bytes += static_cast<char>(high << 4 | low);
    }
    return bytes;
  }

  bool failed_ = false;
};

ChunkRequest chunk_from_json(const Json& json, Members& members) {
  ChunkRequest chunk;
  chunk.id = members.number<std::uint64_t>(members.of(json, "id"));
  chunk.table = members.table(members.of(json, "table"));
  chunk.columns = members.texts(members.of(json, "columns"));
  chunk.key = members.texts(members.of(json, "key"));
  chunk.after = members.texts(members.of(json, "after"));
  chunk.only = members.list(members.of(json, "only"), [&](const Json& key) { return members.texts(key); });
  chunk.leaf = members.number<std::uint32_t>(members.of(json, "leaf"));
  chunk.most_rows = members.number<std::size_t>(members.of(json, "most_rows"));
  chunk.most_bytes = members.number<std::size_t>(members.of(json, "most_bytes"));
  chunk.first = members.flag(members.of(json, "first"));
  chunk.publish_where = members.text(members.of(json, "where"));
  chunk.append_only = members.flag(members.of(json, "append_only"));
  return chunk;
}

Error bad_request(const char* what) {
  return {
      Verdict::Operator,
      "kafka-bad-request",
      std::string("a request in the control topic ") + what,
      "run the same version of walbridge on both sides, and keep other programs from writing into the control topic",
      {}};
}

}  // namespace

std::string to_json(const Request& request) {
  Json json = {{"v", kVersion}, {"id", request.id}, {"stream", request.stream}, {"asker", request.asker}};
  for (const auto& [kind, name] : kKinds) {
    if (kind == request.kind) json["kind"] = name;
  }
  if (request.kind == Request::Kind::Chunk) json["chunk"] = chunk_to_json(request.chunk);
  if (!request.oids.empty()) json["oids"] = request.oids;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Request> request_from_json(std::string_view json) {
  const Json parsed = is_shallow_json(json, kDeepest) ? Json::parse(json, nullptr, false) : Json();
  if (!parsed.is_object()) return bad_request("is not a JSON object");
  Members members;
  if (members.number<int>(members.of(parsed, "v")) != kVersion) {
    return bad_request("is of a version that this walbridge does not know");
  }
  Request request;
  const std::string kind = members.text(members.of(parsed, "kind"));
  bool known = false;
  for (const auto& [one, name] : kKinds) {
    if (name != kind) continue;
    request.kind = one;
    known = true;
  }
  if (!known) return bad_request("asks for something that this walbridge does not know");
  request.id = members.number<std::uint64_t>(members.of(parsed, "id"));
  request.stream = members.text(members.of(parsed, "stream"));
  request.asker = members.text(members.of(parsed, "asker"));
  if (request.kind == Request::Kind::Chunk) {
    request.chunk = chunk_from_json(members.of(parsed, "chunk"), members);
  }
  if (parsed.contains("oids")) {
    request.oids = members.list(parsed["oids"], [&](const Json& oid) { return members.number<std::uint32_t>(oid); });
  }
  if (members.failed()) return bad_request("lacks a member, or has one of another kind");
  return request;
}

}  // namespace walbridge::kafka
