#include <array>

#include <nlohmann/json.hpp>

#include "pipeline/api/shallow_json.h"
#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/value_bytes.h"

namespace walbridge::kafka {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLeastTable = 10;  // bytes
constexpr std::array kVerdicts = {Verdict::Retry, Verdict::Operator, Verdict::PoisonRow, Verdict::Gap};

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || !found->is_string() ? std::string() : found->get<std::string>();
}

}  // namespace

std::string encode_catalog(std::span<const SourceTable> tables) {
  std::string value(1, static_cast<char>(kValueVersion));
  append_number(value, tables.size());
  for (const SourceTable& table : tables) append_table(value, table);
  return value;
}

Result<std::vector<SourceTable>> decode_catalog(std::string_view value) {
  ByteCursor from(value);
  if (from.byte() != kValueVersion) return broken_record("a catalog does not begin as one");
  std::vector<SourceTable> tables;
  for (std::size_t left = from.count(kLeastTable); left > 0; --left) {
    if (!read_table(from, tables.emplace_back())) return broken_record("a catalog holds a table that cannot be read");
  }
  if (from.failed() || !from.at_end()) return broken_record("a catalog is shorter or longer than it says");
  return tables;
}

std::string encode_error(const Error& error) {
  const Json json = {{"verdict", to_string(error.verdict)},
                     {"code", error.code},
                     {"message", error.message},
                     {"remedy", error.remedy},
                     {"table", error.table}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Error decode_error(std::string_view value) {
  const Json json = is_shallow_json(value, 1) ? Json::parse(value, nullptr, false) : Json();
  if (!json.is_object()) return broken_record("an answer says that a request failed, but not why");
  Error error{Verdict::Operator, text_of(json, "code"), text_of(json, "message"), text_of(json, "remedy"),
              text_of(json, "table")};
  const std::string verdict = text_of(json, "verdict");
  for (const Verdict known : kVerdicts) {
    if (verdict == to_string(known)) error.verdict = known;
  }
  return error;
}

}  // namespace walbridge::kafka
