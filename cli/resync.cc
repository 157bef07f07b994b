// `resync`: asks, through the stream, for tables to be copied again, and watches it happen.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <map>
#include <mutex>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/feeds.h"
#include "cli/running.h"
#include "config/load.h"
#include "config/nearest.h"
#include "mapping/table_plan.h"

namespace walbridge::cli {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr auto kLookEvery = std::chrono::milliseconds(300);
constexpr auto kSayEvery = std::chrono::seconds(5);

// One copy to wait for.
struct Expected {
  std::size_t sink = 0;
  std::uint32_t oid = 0;
  std::string table;
};

struct Wanted {
  std::vector<std::uint32_t> oids;
  std::vector<std::string> names;
  std::vector<Expected> copies;
};

// The tables that any cache carries; what is named and not among them is an error.
std::optional<Wanted> choose(const config::Config& config, const ResyncOptions& options,
                             const std::vector<SourceTable>& tables) {
  Wanted wanted;
  std::map<std::string, std::uint32_t> carried;
  std::vector<Expected> copies;
  for (std::size_t i = 0; i < config.sinks.size(); ++i) {
    for (const auto& plan : mapping::plan_sink(tables, config, config.sinks[i]).tables) {
      carried.emplace(plan->cache().source_name, plan->cache().source_oid);
      copies.push_back({i, plan->cache().source_oid, plan->cache().source_name});
    }
  }
  std::vector<std::string_view> known;
  for (const auto& [name, oid] : carried) known.push_back(name);
  std::set<std::string> chosen;
  for (const auto& pattern : options.tables) {
    const auto before = chosen.size();
    bool matched = false;
    for (const auto& [name, oid] : carried) {
      if (!config::glob_matches(pattern, name)) continue;
      matched = true;
      chosen.insert(name);
    }
    if (matched || chosen.size() != before) continue;
    std::cerr << "error: no cache carries " << pattern;
    if (const auto near = config::nearest(pattern, known)) {
      std::cerr << "; did you mean " << *near << "?";
    } else if (pattern.find('.') == std::string::npos) {
      std::cerr << ": tables are named as schema.table";
    }
    std::cerr << "\n";
    return std::nullopt;
  }
  for (const auto& [name, oid] : carried) {
    if (!options.all && chosen.count(name) == 0) continue;
    wanted.oids.push_back(oid);
    wanted.names.push_back(name);
  }
  for (auto& copy : copies) {
    if (std::find(wanted.oids.begin(), wanted.oids.end(), copy.oid) != wanted.oids.end()) {
      wanted.copies.push_back(std::move(copy));
    }
  }
  return wanted;
}

bool is_running(const config::Config& config, SourceAdmin& admin) {
  if (!bridge_status(config).is_null()) return true;
  const auto slot = admin.slot_status();
  return slot && slot->active;
}

class Watch {
 public:
  Watch(const config::Config& config, const ResyncOptions& options, Wanted wanted, Lsn position)
      : config_(config), options_(options), wanted_(std::move(wanted)), position_(position), said_(Clock::now()) {}

  int run(SourceAdmin& admin, std::vector<std::unique_ptr<Sink>>& sinks) {
    for (;;) {
      look(sinks);
      if (left() == 0) return finish();
      if (Clock::now() - said_ >= kSayEvery) {
        if (!is_running(config_, admin)) return ended();
        say();
      }
      std::unique_lock lock(mutex_);
      timer_.wait_for(lock, kLookEvery);
    }
  }

 private:
  std::size_t left() const { return wanted_.copies.size() - done_.size() - stopped_.size(); }

  void look(std::vector<std::unique_ptr<Sink>>& sinks) {
    std::vector<std::optional<SinkState>> states(sinks.size());
    for (std::size_t i = 0; i < sinks.size(); ++i) {
      if (auto state = sinks[i]->peek()) states[i] = *std::move(state);  // one that is away for a moment comes back
    }
    for (std::size_t i = 0; i < wanted_.copies.size(); ++i) {
      const auto& copy = wanted_.copies[i];
      if (!states[copy.sink] || done_.count(i) != 0 || stopped_.count(i) != 0) continue;
      for (const auto& record : states[copy.sink]->tables) {
        if (record.source_oid == copy.oid) settle(i, record, *states[copy.sink]);
      }
    }
  }

  void settle(std::size_t copy, const TableRecord& record, const SinkState& state) {
    if (record.state == TableState::Live && record.snapshot_lsn > position_) {
      done_.insert(copy);
      tell(copy, "live", "");
      return;
    }
    // Before the bridge has seen the request, an old stop is only why one asks.
    const bool seen = state.checkpoint && state.checkpoint->end_lsn > position_;
    if (record.state == TableState::Stopped && (seen || record.stopped_at >= position_)) {
      stopped_[copy] = record.reason;
      tell(copy, "stopped", record.reason);
    }
  }

  void tell(std::size_t copy, const char* what, const std::string& reason) const {
    if (options_.json) return;
    const auto& expected = wanted_.copies[copy];
    std::cout << config_.sinks[expected.sink].name << ": " << expected.table << " " << what
              << (reason.empty() ? "" : ": " + reason) << std::endl;
  }

  void say() {
    said_ = Clock::now();
    if (options_.json) return;
    const auto status = bridge_status(config_);
    for (const auto& cache : status.is_null() ? ordered_json::array() : status["caches"]) {
      for (const auto& load : cache.value("snapshot", ordered_json::array())) {
        if (load.value("done", false)) continue;
        std::cout << fmt::format("  {}: {}: {} rows so far\n", cache.value("name", ""), load.value("table", ""),
                                 load.value("rows", std::uint64_t{0}));
      }
    }
    std::cout << "  " << left() << " of " << wanted_.copies.size() << " copies to come" << std::endl;
  }

  int ended() const {
    std::cerr << "the bridge ended before the copies were done; the next `walbridge run` finishes them\n";
    return kFoundSomething;
  }

  int finish() const {
    if (options_.json) {
      ordered_json json{{"position", to_string(position_)}, {"tables", ordered_json::array()}};
      for (std::size_t i = 0; i < wanted_.copies.size(); ++i) {
        const auto stopped = stopped_.find(i);
        ordered_json row{{"cache", config_.sinks[wanted_.copies[i].sink].name},
                         {"source", wanted_.copies[i].table},
                         {"state", stopped == stopped_.end() ? "live" : "stopped"}};
        if (stopped != stopped_.end()) row["reason"] = stopped->second;
        json["tables"].push_back(row);
      }
      std::cout << json.dump(2) << "\n";
    }
    return stopped_.empty() ? kDone : kFoundSomething;
  }

  const config::Config& config_;
  const ResyncOptions& options_;
  Wanted wanted_;
  Lsn position_;
  std::set<std::size_t> done_;
  std::map<std::size_t, std::string> stopped_;
  Clock::time_point said_;
  std::mutex mutex_;
  std::condition_variable timer_;  // nobody notifies it: a signal ends the process
};

int asked(const ResyncOptions& options, const Wanted& wanted, Lsn position, bool running) {
  if (options.json) {
    std::cout << ordered_json{{"position", to_string(position)}, {"running", running}, {"asked", wanted.names}}.dump(2)
              << "\n";
  } else if (running) {
    std::cout << "asked; `walbridge status` shows how far it is\n";
  } else {
    std::cout << "asked; no bridge runs now: the next `walbridge run` copies them\n";
  }
  return kDone;
}

}  // namespace

int resync(const config::Config& config, const ResyncOptions& options) {
  if (options.tables.empty() == !options.all) {
    std::cerr << "error: name the tables to copy again, or say --all\n";
    return kUsage;
  }
  if (!config.applies()) {
    std::cerr << "error: " << config.file << ": with kafka.role publish there are no caches to copy into\n"
              << "  what to do: run resync with the configuration of the process whose kafka.role is apply\n";
    return kUsage;
  }
  auto admin = open_source_admin(config);
  if (const auto identity = admin->identity(); !identity) return fail(identity.error());
  const auto tables = admin->describe_tables();
  if (!tables) return fail(tables.error());
  auto wanted = choose(config, options, *tables);
  if (!wanted) return kUsage;
  if (wanted->oids.empty()) {
    std::cerr << "error: the caches carry no table\n";
    return kFoundSomething;
  }
  if (options.all && !options.yes && !confirm(fmt::format("copy all {} tables again?", wanted->oids.size()))) {
    std::cerr << "error: not asked for; say --yes to copy all tables without a question\n";
    return kUsage;
  }
  const bool running = is_running(config, *admin);
  const auto position = admin->request_copy(wanted->oids);
  if (!position) return fail(position.error());
  if (!running || !options.wait) return asked(options, *wanted, *position, running);
  auto sinks = open_sinks(config);
  if (!sinks) return fail(sinks.error());
  if (!options.json) {
    for (const auto& name : wanted->names) std::cout << "copying " << name << " again\n";
  }
  return Watch(config, options, *std::move(wanted), *position).run(*admin, *sinks);
}

}  // namespace walbridge::cli
