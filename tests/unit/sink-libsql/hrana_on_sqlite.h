// Runs the `batch` requests of Hrana on a SQLite database in memory, by the rules of the protocol and of sqld: steps
// with conditions, one connection, errors by code. What a real server would make of a request, without a server.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace walbridge::testing {

class HranaOnSqlite {
 public:
  using Json = nlohmann::json;

  HranaOnSqlite() {
    if (sqlite3_open(":memory:", &db_) != SQLITE_OK) throw std::runtime_error("no database in memory");
    sqlite3_create_function(db_, "unhex", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, unhex, nullptr, nullptr);
  }
  HranaOnSqlite(const HranaOnSqlite&) = delete;
  HranaOnSqlite& operator=(const HranaOnSqlite&) = delete;
  ~HranaOnSqlite() { sqlite3_close(db_); }

  // The reply to a request; steps whose number is `fail_step` fail with `code` instead of running.
  std::string answer(const std::string& request_text, int fail_step = -1, const std::string& code = "") {
    const auto request = Json::parse(request_text);
    Json results = Json::array();
    for (const auto& part : request.at("requests")) {
      if (part.at("type") == "close") {
        results.push_back({{"type", "ok"}, {"response", {{"type", "close"}}}});
        continue;
      }
      if (part.at("type") != "batch") throw std::runtime_error("only batches are known here");
      results.push_back(
          {{"type", "ok"}, {"response", {{"type", "batch"}, {"result", run(part.at("batch"), fail_step, code)}}}});
    }
    return Json{{"baton", "baton-" + std::to_string(++batons_)}, {"base_url", nullptr}, {"results", results}}.dump();
  }

  // Every row of a query, values joined by '|', rows by a newline.
  std::string rows(const std::string& sql) {
    Json result = step({{"sql", sql}, {"want_rows", true}});
    if (result.contains("error")) throw std::runtime_error(result.at("error").at("message").get<std::string>());
    std::string text;
    for (const auto& row : result.at("result").at("rows")) {
      if (!text.empty()) text += '\n';
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) text += '|';
        const auto& value = row[i];
        if (value.at("type") == "null")
          text += "NULL";
        else if (value.at("type") == "blob")
          text += value.at("base64").get<std::string>();
        else if (value.at("value").is_string())
          text += value.at("value").get<std::string>();
        else
          text += value.at("value").dump();
      }
    }
    return text;
  }
  void run_sql(const std::string& sql) {
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db_));
  }

 private:
  static void unhex(sqlite3_context* context, int, sqlite3_value** values) {
    if (sqlite3_value_type(values[0]) == SQLITE_NULL) return;
    const auto* hex = reinterpret_cast<const char*>(sqlite3_value_text(values[0]));
    const auto length = static_cast<std::size_t>(sqlite3_value_bytes(values[0]));
    std::string bytes;
    for (std::size_t i = 0; i + 1 < length; i += 2)
      bytes += static_cast<char>(std::stoi(std::string(hex + i, 2), nullptr, 16));
    sqlite3_result_blob(context, bytes.empty() ? "" : bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
  }

  static bool holds(const Json& condition, const std::vector<int>& outcomes) {
    const auto type = condition.at("type").get<std::string>();
    if (type == "ok") return outcomes.at(condition.at("step").get<std::size_t>()) == 1;
    if (type == "error") return outcomes.at(condition.at("step").get<std::size_t>()) != 1;
    if (type == "not") return !holds(condition.at("cond"), outcomes);
    throw std::runtime_error("unknown condition " + type);
  }

  static const char* code_of(int code) {
    switch (code & 0xFF) {
      case SQLITE_CONSTRAINT:
        return "SQLITE_CONSTRAINT";
      case SQLITE_TOOBIG:
        return "SQLITE_TOOBIG";
      case SQLITE_MISMATCH:
        return "SQLITE_MISMATCH";
      default:
        return "SQLITE_UNKNOWN";
    }
  }

  Json run(const Json& batch, int fail_step, const std::string& code) {
    Json results = Json::array();
    Json errors = Json::array();
    std::vector<int> outcomes;
    for (const auto& item : batch.at("steps")) {
      if (item.contains("condition") && !holds(item.at("condition"), outcomes)) {
        outcomes.push_back(0);
        results.push_back(nullptr);
        errors.push_back(nullptr);
        continue;
      }
      Json outcome;
      if (static_cast<int>(outcomes.size()) == fail_step) {
        outcome["error"] = {{"message", "scripted failure"}, {"code", code}};
      } else {
        outcome = step(item.at("stmt"));
      }
      const bool failed = outcome.contains("error");
      outcomes.push_back(failed ? -1 : 1);
      results.push_back(failed ? Json() : outcome.at("result"));
      errors.push_back(failed ? outcome.at("error") : Json());
    }
    return {{"step_results", results}, {"step_errors", errors}, {"replication_index", nullptr}};
  }

  static void bind(sqlite3_stmt* statement, int at, const Json& value) {
    const auto type = value.at("type").get<std::string>();
    if (type == "null") sqlite3_bind_null(statement, at);
    if (type == "integer") sqlite3_bind_int64(statement, at, std::stoll(value.at("value").get<std::string>()));
    if (type == "float") sqlite3_bind_double(statement, at, value.at("value").get<double>());
    if (type == "text") {
      const auto text = value.at("value").get<std::string>();
      sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    }
    if (type == "blob") {
      const auto bytes = decode(value.at("base64").get<std::string>());
      sqlite3_bind_blob(statement, at, bytes.empty() ? "" : bytes.data(), static_cast<int>(bytes.size()),
                        SQLITE_TRANSIENT);
    }
  }

  static constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static std::string decode(const std::string& text) {
    std::string bytes;
    unsigned held = 0;
    int bits = 0;
    for (const char c : text) {
      const auto digit = std::string_view(kDigits).find(c);
      if (digit == std::string_view::npos) break;
      held = (held << 6) | static_cast<unsigned>(digit);
      if ((bits += 6) >= 8) bytes += static_cast<char>((held >> (bits -= 8)) & 0xFF);
    }
    return bytes;
  }
  static std::string encode(std::string_view bytes) {
    std::string text;
    unsigned held = 0;
    int bits = 0;
    for (const char c : bytes) {
      held = (held << 8) | static_cast<unsigned char>(c);
      bits += 8;
      while (bits >= 6) text += kDigits[(held >> (bits -= 6)) & 63];
    }
    if (bits > 0) text += kDigits[(held << (6 - bits)) & 63];
    return text;
  }

  static Json column(sqlite3_stmt* statement, int at) {
    const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement, at));
    switch (sqlite3_column_type(statement, at)) {
      case SQLITE_INTEGER:
        return {{"type", "integer"}, {"value", std::to_string(sqlite3_column_int64(statement, at))}};
      case SQLITE_FLOAT:
        return {{"type", "float"}, {"value", sqlite3_column_double(statement, at)}};
      case SQLITE_TEXT:
        return {{"type", "text"},
                {"value", std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, at)), bytes)}};
      case SQLITE_BLOB:
        return {{"type", "blob"},
                {"base64", encode({static_cast<const char*>(sqlite3_column_blob(statement, at)), bytes})}};
      default:
        return {{"type", "null"}};
    }
  }

  Json step(const Json& statement_json) {
    sqlite3_stmt* statement = nullptr;
    const auto sql = statement_json.at("sql").get<std::string>();
    if (const int code = sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr); code != SQLITE_OK) {
      return {{"error", {{"message", std::string("SQLite error: ") + sqlite3_errmsg(db_)}, {"code", code_of(code)}}}};
    }
    int at = 0;
    if (statement_json.contains("args")) {
      for (const auto& value : statement_json.at("args")) bind(statement, ++at, value);
    }
    const int changes_before = sqlite3_total_changes(db_);
    Json rows = Json::array();
    int code = SQLITE_OK;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      Json row = Json::array();
      for (int i = 0; i < sqlite3_column_count(statement); ++i) row.push_back(column(statement, i));
      rows.push_back(row);
    }
    Json outcome;
    if (code == SQLITE_DONE) {
      outcome["result"] = {
          {"cols", Json::array()}, {"rows", rows}, {"affected_row_count", sqlite3_total_changes(db_) - changes_before}};
    } else {
      outcome["error"] = {{"message", std::string("SQLite error: ") + sqlite3_errmsg(db_)}, {"code", code_of(code)}};
    }
    sqlite3_finalize(statement);
    return outcome;
  }

  sqlite3* db_ = nullptr;
  int batons_ = 0;
};

}  // namespace walbridge::testing
