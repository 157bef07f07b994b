#include <algorithm>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/feeds.h"
#include "cli/running.h"
#include "mapping/client_schema.h"
#include "pipeline/source_gap.h"
#include "pipeline/status.h"

namespace walbridge::cli {
namespace {

using nlohmann::ordered_json;

ordered_json slot_json(const SlotStatus& slot) {
  return {{"exists", slot.exists},
          {"active", slot.active},
          {"wal_status", slot.wal_status},
          {"restart_lsn", to_string(slot.restart_lsn)},
          {"confirmed_flush_lsn", to_string(slot.confirmed_flush_lsn)},
          {"current_lsn", to_string(slot.current_lsn)},
          {"retained_bytes", slot.retained_bytes},
          {"safe_bytes", slot.safe_bytes ? ordered_json(*slot.safe_bytes) : ordered_json(nullptr)}};
}

ordered_json error_json(const Error& error) {
  return {{"code", error.code}, {"message", error.message}, {"remedy", error.remedy}};
}

ordered_json topic_json(const std::string& topic, std::int64_t low_offset, std::int64_t end_offset, Lsn published) {
  return {{"topic", topic},
          {"low_offset", low_offset},
          {"end_offset", end_offset},
          {"published_lsn", to_string(published)}};
}

ordered_json cache_json(const std::string& name, const Result<SinkState>& state) {
  ordered_json json{{"name", name}};
  if (!state) {
    json["phase"] = "unreachable";
    json["error"] = error_json(state.error());
    return json;
  }
  json["phase"] = state->checkpoint ? "not running" : "empty";
  if (state->checkpoint) {
    json["source_id"] = state->source_id;
    json["commit_lsn"] = to_string(state->checkpoint->commit_lsn);
    json["end_lsn"] = to_string(state->checkpoint->end_lsn);
    json["commit_time"] =
        state->checkpoint->committed_at ? ordered_json(to_iso(state->checkpoint->committed_at)) : ordered_json(nullptr);
  }
  json["schema_hash"] = mapping::schema_hash(state->tables);
  json["tables"] = ordered_json::array();
  for (const auto& table : state->tables) {
    ordered_json row{{"source", table.source_name}, {"cache", table.cache_name}, {"state", to_string(table.state)}};
    if (table.state == TableState::Stopped) {
      row["code"] = table.code;
      row["reason"] = table.reason;
    }
    json["tables"].push_back(row);
  }
  return json;
}

// The hash of generated clients (mapping/client_schema.h), from what the running bridge says of its tables.
std::string schema_hash_of(const ordered_json& cache) {
  std::vector<TableRecord> records;
  for (const auto& table : cache.value("tables", ordered_json::array())) {
    if (!table.contains("schema_hash")) continue;
    TableRecord record;
    record.cache_name = table.value("cache", "");
    record.schema_hash = table.value("schema_hash", "");
    record.state = table.value("state", "") == "stopped" ? TableState::Stopped : TableState::Live;
    record.code = table.value("code", "");
    records.push_back(std::move(record));
  }
  return mapping::schema_hash(records);
}

std::optional<SlotStatus> source_pg_slot(const config::Config& config) {
  auto slot = open_source_admin(config)->slot_status();
  return slot ? std::optional(*std::move(slot)) : std::nullopt;
}

// A topic that is still to be begun is no fault of the brokers.
ordered_json look_at_topic(const config::Config& config, bool& reachable) {
  const auto end = end_of_topic(config);
  if (end) return topic_json(config.kafka->topic, end->low_offset, end->next_offset, end->head.to);
  const auto& code = end.error().code;
  if (code != "kafka-no-publisher" && code != "kafka-topic-missing") reachable = false;
  return {{"topic", config.kafka->topic}, {"error", error_json(end.error())}};
}

// Nobody answers on the admin address: ask the source and the caches themselves.
ordered_json look_directly(const config::Config& config, bool& reachable) {
  ordered_json json{{"name", config.name}, {"running", false}, {"caches", ordered_json::array()}};
  auto admin = open_feed_admin(config);
  const auto identity = admin->identity();
  auto slot = identity ? admin->slot_status() : Result<SlotStatus>(identity.error());
  reachable = true;
  if (slot && slot->topic) {
    json["kafka"] =
        topic_json(slot->topic->topic, slot->topic->low_offset, slot->topic->next_offset, slot->current_lsn);
    // Only Postgres knows its slot; a process that only applies has no access to it.
    const auto source_slot = config.publishes() ? source_pg_slot(config) : std::nullopt;
    json["slot"] = source_slot ? slot_json(*source_slot) : ordered_json(nullptr);
    if (!config.publishes()) json["slot_note"] = pipeline::kSlotNote;
  } else if (slot) {
    json["slot"] = slot_json(*slot);
  } else {
    reachable = false;
    json["source_error"] = error_json(slot.error());
  }
  if (config.kafka && !config.applies()) json["kafka"] = look_at_topic(config, reachable);
  auto sinks = open_sinks(config);
  for (std::size_t i = 0; i < config.sinks.size(); ++i) {
    const auto state = sinks ? (*sinks)[i]->peek() : Result<SinkState>(sinks.error());
    if (!state) reachable = false;
    json["caches"].push_back(cache_json(config.sinks[i].name, state));
    if (identity && slot && state) {
      if (const auto gap = pipeline::source_gap(config.sinks[i].name, *state, *identity, *slot)) {
        json["caches"].back()["phase"] = "gap";
        json["caches"].back()["error"] = error_json(*gap);
      }
    }
    if (slot && state && state->checkpoint) {
      json["caches"].back()["behind_bytes"] = bytes_between(state->checkpoint->end_lsn, slot->current_lsn);
    }
  }
  return json;
}

std::string text(const ordered_json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

void print_remedy(const ordered_json& error) {
  const auto remedy = text(error["remedy"]);
  if (!remedy.empty()) std::cout << "  what to do: " << remedy << "\n";
}

// What a running bridge says of its two ends of the topic, or what is in it.
void print_topic(const ordered_json& kafka) {
  if (kafka.contains("publisher")) {
    const auto& end = kafka["publisher"];
    std::cout << fmt::format("topic {}: {}, confirmed up to {}, {} transactions in {} records\n", text(end["topic"]),
                             !end["open"].get<bool>()   ? "not publishing"
                             : end["error"].is_object() ? "waiting for the brokers"
                                                        : "publishing",
                             text(end["published_lsn"]), text(end["transactions"]), text(end["records"]));
  }
  if (kafka.contains("consumer")) {
    const auto& end = kafka["consumer"];
    const bool began = end["next_offset"].get<std::int64_t>() >= 0;
    std::cout << "topic " << text(end["topic"]) << ": ";
    if (began) {
      std::cout << fmt::format("next offset {}, end {}, {} records behind\n", text(end["next_offset"]),
                               text(end["end_offset"]), text(end["lag_records"]));
    } else {
      std::cout << "not read yet\n";
    }
  }
  if (kafka.contains("low_offset")) {
    std::cout << fmt::format("topic {}: offsets {}..{}, published up to {}\n", text(kafka["topic"]),
                             text(kafka["low_offset"]), text(kafka["end_offset"]), text(kafka["published_lsn"]));
  }
  if (kafka.contains("error")) {
    std::cout << "topic " << text(kafka["topic"]) << ": " << text(kafka["error"]["message"]) << "\n";
    print_remedy(kafka["error"]);
  }
}

void print_text(const ordered_json& json) {
  std::cout << "bridge " << text(json["name"]) << ": " << (json["running"].get<bool>() ? "running" : "not running");
  if (json.contains("ready")) std::cout << (json["ready"].get<bool>() ? ", ready" : ", not ready");
  std::cout << "\n";
  for (const auto& reason : json.value("not_ready", ordered_json::array())) std::cout << "  - " << text(reason) << "\n";
  if (json.contains("slot") && json["slot"].is_object()) {
    const auto& slot = json["slot"];
    if (!slot["exists"].get<bool>()) {
      std::cout << "slot: none\n";
    } else {
      std::cout << fmt::format("slot: {}, {} bytes of log retained, confirmed {}\n", text(slot["wal_status"]),
                               slot["retained_bytes"].get<std::uint64_t>(), text(slot["confirmed_flush_lsn"]));
    }
  }
  if (json.contains("slot_note")) std::cout << text(json["slot_note"]) << "\n";
  if (json.contains("schema_capture") && json["schema_capture"].is_object()) {
    const auto& capture = json["schema_capture"];
    std::cout << "schema changes: " << (text(capture["mode"]) == "triggers" ? "event triggers" : "by polling");
    if (!text(capture["problem"]).empty()) std::cout << ", " << text(capture["problem"]);
    std::cout << "\n";
    if (!text(capture["fix"]).empty()) std::cout << "  what to do: " << text(capture["fix"]) << "\n";
  }
  if (json.contains("source_error") && json["source_error"].is_object()) {
    std::cout << "source: " << text(json["source_error"]["message"]) << "\n";
    print_remedy(json["source_error"]);
  }
  if (json.contains("kafka")) print_topic(json["kafka"]);
  for (const auto& cache : json["caches"]) {
    std::cout << "cache " << text(cache["name"]) << ": " << text(cache["phase"]);
    if (cache.contains("lag_seconds")) std::cout << fmt::format(", lag {:.3f} s", cache["lag_seconds"].get<double>());
    if (cache.contains("behind_bytes")) std::cout << ", " << cache["behind_bytes"] << " bytes of log behind";
    if (cache.contains("end_lsn")) std::cout << ", at " << text(cache["end_lsn"]);
    const bool has_tables = cache.contains("tables") && !cache["tables"].empty();
    if (has_tables && cache.contains("schema_hash")) std::cout << ", schema " << text(cache["schema_hash"]);
    std::cout << "\n";
    if (cache.contains("error") && cache["error"].is_object()) {
      std::cout << "  error: " << text(cache["error"]["message"]) << "\n";
      print_remedy(cache["error"]);
    }
    for (const auto& table : cache.value("tables", ordered_json::array())) {
      // Nothing is wrong with a table that nobody carries any more.
      const auto code = table.value("code", "");
      const auto state = code == "dropped" || code == "not-selected" ? "left" : text(table["state"]);
      const auto cache_name = table["cache"].is_null() ? "" : " -> " + text(table["cache"]);
      std::cout << fmt::format("  {:<9}{}{}", state, text(table["source"]), cache_name);
      if (table.contains("reason")) std::cout << ": " << text(table["reason"]);
      std::cout << "\n";
    }
  }
}

}  // namespace

int status(const config::Config& config, const StatusOptions& options) {
  ordered_json json;
  bool reachable = true;
  bool ready = true;
  json = bridge_status(config);
  if (!json.is_null()) {
    json["running"] = true;
    for (auto& cache : json["caches"]) cache["schema_hash"] = schema_hash_of(cache);
    ready = json.value("ready", false);
  } else {
    json = look_directly(config, reachable);
    for (const auto& cache : json["caches"]) {
      for (const auto& table : cache.value("tables", ordered_json::array())) {
        const auto code = table.value("code", "");
        if (table.value("state", "") == "stopped" && code != "not-selected" && code != "dropped") ready = false;
      }
    }
  }
  if (options.json) {
    std::cout << json.dump(2) << "\n";
  } else {
    print_text(json);
  }
  for (const auto& cache : json["caches"]) {
    if (cache.value("phase", "") == "gap") return kGap;
  }
  if (!reachable) return kSystemUnusable;
  return ready ? kDone : kFoundSomething;
}

}  // namespace walbridge::cli
