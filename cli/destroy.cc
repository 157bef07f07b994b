#include <iostream>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/feeds.h"
#include "cli/running.h"

namespace walbridge::cli {
namespace {

using nlohmann::ordered_json;

struct Doomed {
  std::vector<OwnedObject> objects;
  std::vector<std::pair<std::size_t, std::vector<TableRecord>>> caches;  // by sink position
};

void print(const config::Config& config, const Doomed& doomed, bool json, const char* tense) {
  if (json) {
    ordered_json out{{"done", std::string(tense) == "removed"},
                     {"source", ordered_json::array()},
                     {"caches", ordered_json::array()}};
    for (const auto& object : doomed.objects)
      out["source"].push_back({{"kind", object.kind}, {"name", object.name}, {"sql", object.drop_sql}});
    for (const auto& [sink, records] : doomed.caches) {
      ordered_json tables = ordered_json::array();
      for (const auto& record : records) tables.push_back(record.cache_name);
      out["caches"].push_back({{"name", config.sinks[sink].name}, {"tables", tables}});
    }
    std::cout << out.dump(2) << "\n";
    return;
  }
  for (const auto& object : doomed.objects)
    std::cout << tense << ": " << object.kind << " " << object.name << "   " << object.drop_sql << "\n";
  for (const auto& [sink, records] : doomed.caches) {
    std::cout << tense << ": in cache " << config.sinks[sink].name << ": " << records.size() << " tables";
    for (const auto& record : records) std::cout << " " << record.cache_name;
    std::cout << "\n";
  }
  if (doomed.objects.empty() && doomed.caches.empty()) std::cout << "nothing of walbridge is there\n";
}

Status remove_all(SourceAdmin& admin, std::vector<std::unique_ptr<Sink>>& sinks, const Doomed& doomed) {
  for (const auto& object : doomed.objects) WALBRIDGE_TRY(admin.drop(object));
  for (const auto& [sink, records] : doomed.caches) {
    WALBRIDGE_TRY(sinks[sink]->open());
    WALBRIDGE_TRY(sinks[sink]->remove(records));
  }
  return Done{};
}

}  // namespace

int destroy(const config::Config& config, const DestroyOptions& options) {
  auto admin = open_source_admin(config);
  if (!options.dry_run) {
    if (auto locked = admin->lock(); !locked) return fail(locked.error());
    // Where a topic is read nobody holds a lock at the source.
    if (!bridge_status(config).is_null()) {
      return fail({Verdict::Operator, "already-running",
                   "walbridge " + config.name + " runs here: it answers at " + config.admin.listen, "stop it first"});
    }
  }
  Doomed doomed;
  auto owned = admin->owned();
  if (!owned) return fail(owned.error());
  doomed.objects = *std::move(owned);
  auto sinks = open_sinks(config);
  if (!sinks) return fail(sinks.error());
  for (std::size_t i = 0; options.caches && i < sinks->size(); ++i) {
    auto state = (*sinks)[i]->peek();
    if (!state) {
      const int code = fail(state.error());
      std::cerr << "  nothing was removed; without --caches the slot and the publication can be\n";
      return code;
    }
    if (state->checkpoint || !state->tables.empty()) doomed.caches.emplace_back(i, state->tables);
  }
  const bool nothing = doomed.objects.empty() && doomed.caches.empty();
  if (options.dry_run || nothing) {
    print(config, doomed, options.json, "would remove");
    return kDone;
  }
  if (!options.yes) {
    print(config, doomed, false, "would remove");
    if (!confirm("remove all of this?")) {
      std::cerr << "nothing was removed; repeat with --yes\n";
      return kUsage;
    }
  }
  if (auto removed = remove_all(*admin, *sinks, doomed); !removed) return fail(removed.error());
  print(config, doomed, options.json, "removed");
  return kDone;
}

}  // namespace walbridge::cli
