// The reply half of hrana_json.h.
#include <charconv>

#include <nlohmann/json.hpp>

#include "sink-libsql/hrana_json.h"

namespace walbridge::sink_libsql {
namespace {

using Json = nlohmann::json;

Error bad_reply(const char* what) {
  return {Verdict::Retry, "bad-reply", std::string("the server's answer cannot be read: ") + what, ""};
}

std::string text_field(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

HranaError error_from(const Json& json) {
  if (!json.is_object()) return {"", "unknown"};
  HranaError error{text_field(json, "message"), text_field(json, "code")};
  if (error.code.empty()) error.code = "unknown";
  return error;
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

bool decode_base64(std::string_view text, std::string& to) {
  std::uint32_t held = 0;
  int bits = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return false;
    held = (held << 6) | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      to += static_cast<char>((held >> bits) & 0xFF);
    }
  }
  return true;
}

bool read_value(const Json& json, HranaValue& value) {
  if (!json.is_object()) return false;
  const auto type = text_field(json, "type");
  const auto content = json.find("value");
  if (type == "null") return true;
  if (type == "integer") {
    value.kind = SqlValue::Kind::Integer;
    const auto digits = text_field(json, "value");
    const char* end = digits.data() + digits.size();
    const auto [stopped_at, failure] = std::from_chars(digits.data(), end, value.integer);
    return failure == std::errc{} && stopped_at == end;
  }
  if (type == "float") {
    value.kind = SqlValue::Kind::Real;
    if (content == json.end() || !content->is_number()) return content != json.end() && content->is_null();
    value.real = content->get<double>();
    return true;
  }
  if (type == "text") {
    value.kind = SqlValue::Kind::Text;
    if (content == json.end() || !content->is_string()) return false;
    value.bytes = content->get<std::string>();
    return true;
  }
  value.kind = SqlValue::Kind::Blob;
  return type == "blob" && decode_base64(text_field(json, "base64"), value.bytes);
}

bool read_rows(const Json& result, HranaStep& step) {
  const auto affected = result.find("affected_row_count");
  if (affected != result.end() && affected->is_number_integer()) step.affected_rows = affected->get<std::int64_t>();
  const auto rows = result.find("rows");
  if (rows == result.end()) return true;
  if (!rows->is_array()) return false;
  for (const auto& row : *rows) {
    if (!row.is_array()) return false;
    auto& values = step.rows.emplace_back();
    for (const auto& value : row) {
      if (!read_value(value, values.emplace_back())) return false;
    }
  }
  return true;
}

bool read_steps(const Json& batch, std::size_t count, std::vector<HranaStep>& steps) {
  const auto results = batch.find("step_results");
  const auto errors = batch.find("step_errors");
  if (results == batch.end() || errors == batch.end()) return false;
  if (!results->is_array() || !errors->is_array() || results->size() != count || errors->size() != count) return false;
  steps.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& result = (*results)[i];
    const auto& error = (*errors)[i];
    if (!error.is_null()) {
      steps[i].state = HranaStep::State::Failed;
      steps[i].error = error_from(error);
    } else if (!result.is_null()) {
      steps[i].state = HranaStep::State::Ok;
      if (!result.is_object() || !read_rows(result, steps[i])) return false;
    }
  }
  return true;
}

}  // namespace

Result<HranaReply> parse_batch_reply(std::string_view body, std::size_t steps) {
  const auto json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) return bad_reply("it is not JSON");
  if (!json.is_object()) return bad_reply("it is not an object");
  HranaReply reply;
  reply.baton = text_field(json, "baton");
  reply.base_url = text_field(json, "base_url");
  const auto results = json.find("results");
  if (results == json.end() || !results->is_array() || results->empty()) return bad_reply("it has no results");
  const auto& first = results->front();
  if (!first.is_object()) return bad_reply("a result is not an object");
  if (text_field(first, "type") == "error") {
    const auto error = first.find("error");
    reply.request_error = error_from(error == first.end() ? Json() : *error);
    return reply;
  }
  const auto response = first.find("response");
  if (response == first.end() || !response->is_object()) return bad_reply("a result has no response");
  const auto result = response->find("result");
  if (result == response->end() || !result->is_object()) return bad_reply("a response has no result");
  if (!read_steps(*result, steps, reply.steps)) return bad_reply("its steps are not those of the request");
  return reply;
}

HranaError parse_error_body(std::string_view body) {
  const auto json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  auto message = text_field(json, "error");
  if (message.empty()) message = text_field(json, "message");
  return {std::move(message), text_field(json, "code")};
}

}  // namespace walbridge::sink_libsql
