#include "cli/try_plan.h"

#include <utility>

#include "sink-libsql/trial.h"

namespace walbridge::cli {

void try_plan(mapping::SinkPlan& plan, const config::Config& config, const config::Sink& sink) {
  const bool elsewhere = !sink.url.starts_with("file:");
  std::erase_if(plan.tables, [&](const auto& table) {
    const auto& cache = table->cache();
    const auto refusal = sink_libsql::try_table(cache, elsewhere);
    if (!refusal) return false;
    const auto place = refusal->line > 0 ? " (" + config.file + ":" + std::to_string(refusal->line) + ")" : "";
    const auto what = refusal->what.empty() ? std::string("it") : refusal->what;
    Error error{Verdict::PoisonRow, "schema-refused",
                "SQLite refuses " + what + " of " + cache.source_name + ": " + refusal->message,
                refusal->what.empty() ? "leave columns out with a rule's `omit`, or exclude the table"
                                      : "correct its SQL in the rule" + place,
                cache.name};
    plan.refused.push_back({cache.source_name, cache.source_oid, std::move(error)});
    return true;
  });
}

}  // namespace walbridge::cli
