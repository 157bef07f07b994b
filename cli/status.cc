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

ordered_json cache_json(const std::string& name, const Result<SinkState>& state) {
  ordered_json json{{"name", name}};
  if (!state) {
    json["phase"] = "unreachable";
    json["error"] = {
        {"code", state.error().code}, {"message", state.error().message}, {"remedy", state.error().remedy}};
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

// Nobody answers on the admin address: ask the source and the caches themselves.
ordered_json look_directly(const config::Config& config, bool& reachable) {
  ordered_json json{{"name", config.name}, {"running", false}, {"caches", ordered_json::array()}};
  auto admin = open_feed_admin(config);
  const auto identity = admin->identity();
  auto slot = identity ? admin->slot_status() : Result<SlotStatus>(identity.error());
  reachable = true;
  if (slot && slot->topic) {
    json["kafka"] = {{"topic", slot->topic->topic},
                     {"low_offset", slot->topic->low_offset},
                     {"end_offset", slot->topic->next_offset},
                     {"published_lsn", to_string(slot->current_lsn)}};
    // Only Postgres knows its slot; a process that only applies has no access to it.
    const auto source_slot = config.publishes() ? source_pg_slot(config) : std::nullopt;
    json["slot"] = source_slot ? slot_json(*source_slot) : ordered_json(nullptr);
    if (!config.publishes()) json["slot_note"] = "the slot is the publisher's: ask `walbridge status` where it runs";
  } else if (slot) {
    json["slot"] = slot_json(*slot);
  } else {
    reachable = false;
    json["source_error"] = {
        {"code", slot.error().code}, {"message", slot.error().message}, {"remedy", slot.error().remedy}};
  }
  auto sinks = open_sinks(config);
  for (std::size_t i = 0; i < config.sinks.size(); ++i) {
    const auto state = sinks ? (*sinks)[i]->peek() : Result<SinkState>(sinks.error());
    if (!state) reachable = false;
    json["caches"].push_back(cache_json(config.sinks[i].name, state));
    if (identity && slot && state) {
      if (const auto gap = pipeline::source_gap(config.sinks[i].name, *state, *identity, *slot)) {
        json["caches"].back()["phase"] = "gap";
        json["caches"].back()["error"] = {{"code", gap->code}, {"message", gap->message}, {"remedy", gap->remedy}};
      }
    }
    if (slot && state && state->checkpoint) {
      json["caches"].back()["behind_bytes"] = bytes_between(state->checkpoint->end_lsn, slot->current_lsn);
    }
  }
  return json;
}

void print_text(const ordered_json& json) {
  const auto text = [](const ordered_json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
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
  if (json.contains("schema_capture")) {
    const auto& capture = json["schema_capture"];
    std::cout << "schema changes: " << (text(capture["mode"]) == "triggers" ? "event triggers" : "by polling");
    if (!text(capture["problem"]).empty()) std::cout << ", " << text(capture["problem"]);
    std::cout << "\n";
    if (!text(capture["fix"]).empty()) std::cout << "  what to do: " << text(capture["fix"]) << "\n";
  }
  if (json.contains("source_error") && json["source_error"].is_object()) {
    std::cout << "source: " << text(json["source_error"]["message"]) << "\n";
  }
  for (const auto& cache : json["caches"]) {
    std::cout << "cache " << text(cache["name"]) << ": " << text(cache["phase"]);
    if (cache.contains("lag_seconds")) std::cout << fmt::format(", lag {:.3f} s", cache["lag_seconds"].get<double>());
    if (cache.contains("behind_bytes")) std::cout << ", " << cache["behind_bytes"] << " bytes of log behind";
    if (cache.contains("end_lsn")) std::cout << ", at " << text(cache["end_lsn"]);
    if (cache.contains("schema_hash")) std::cout << ", schema " << text(cache["schema_hash"]);
    std::cout << "\n";
    if (cache.contains("error") && cache["error"].is_object()) {
      std::cout << "  error: " << text(cache["error"]["message"]) << "\n";
      const auto remedy = text(cache["error"]["remedy"]);
      if (!remedy.empty()) std::cout << "  what to do: " << remedy << "\n";
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
