#include <algorithm>
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "mapping/table_plan.h"
#include "mapping/unused_names.h"
#include "pipeline/source_gap.h"
#include "source-pg/open.h"

namespace walbridge::cli {
namespace {

Finding finding_of(const Error& error, std::string subject) {
  return {Finding::Severity::Error, error.code, std::move(subject), error.message, error.remedy};
}

struct Check {
  std::vector<Finding> findings;
  bool unreachable = false;

  void add(std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
};

// Preflight of the tables any sink takes, and each sink with the tables it takes.
Check look(const config::Config& config) {
  Check check;
  auto admin = source_pg::open_source_admin(config);
  auto identity = admin->identity();
  if (!identity) {
    check.findings.push_back(finding_of(identity.error(), "source"));
    check.unreachable = true;
  }
  std::vector<SourceTable> tables;
  if (identity) {
    if (auto described = admin->describe_tables(); described) {
      tables = *std::move(described);
    } else {
      check.findings.push_back(finding_of(described.error(), "source"));
    }
  }
  auto sinks = open_sinks(config);
  if (!sinks) {
    check.findings.push_back(finding_of(sinks.error(), "sink"));
    return check;
  }
  const auto slot = identity ? admin->slot_status() : Result<SlotStatus>(identity.error());
  bool filled = false;
  std::vector<PublishedTable> selected;
  for (std::size_t i = 0; i < config.sinks.size(); ++i) {
    const auto plan = mapping::plan_sink(tables, config, config.sinks[i]);
    std::vector<const CacheTable*> cache_tables;
    for (const auto& table : plan.tables) cache_tables.push_back(&table->cache());
    for (const auto& refused : plan.refused) check.findings.push_back(finding_of(refused.error, refused.source_name));
    for (const auto& table : tables) {
      const auto wanted = std::find_if(plan.tables.begin(), plan.tables.end(),
                                       [&](const auto& each) { return each->cache().source_oid == table.oid; });
      const bool known = std::any_of(selected.begin(), selected.end(),
                                     [&](const PublishedTable& each) { return each.table == &table; });
      if (wanted != plan.tables.end() && !known) {
        selected.push_back({&table, (*wanted)->publish_where(), (*wanted)->append_only()});
      }
    }
    check.add((*sinks)[i]->check(cache_tables));
    if (const auto state = (*sinks)[i]->peek(); state && identity && slot) {
      filled = filled || state->checkpoint;
      if (const auto gap = pipeline::source_gap(config.sinks[i].name, *state, *identity, *slot)) {
        check.findings.push_back(finding_of(*gap, "sink " + config.sinks[i].name));
      }
    }
  }
  if (identity) check.add(admin->preflight(selected));
  if (filled) {
    if (auto published = admin->verify_publication(selected); !published) {
      check.findings.push_back(finding_of(published.error(), "source"));
    }
  }
  check.add(mapping::unused_names(tables, config));
  return check;
}

void print_text(const std::vector<Finding>& findings, int errors, int warnings) {
  for (const auto& finding : findings) {
    std::cout << (finding.severity == Finding::Severity::Ok        ? "ok      "
                  : finding.severity == Finding::Severity::Warning ? "warning "
                                                                   : "error   ")
              << finding.subject << ": " << finding.message << " [" << finding.code << "]\n";
    if (!finding.fix.empty()) std::cout << "        fix: " << finding.fix << "\n";
  }
  std::cout << errors << (errors == 1 ? " error, " : " errors, ") << warnings
            << (warnings == 1 ? " warning\n" : " warnings\n");
}

}  // namespace

int check(const config::Config& config, const CheckOptions& options) {
  const auto result = look(config);
  int errors = 0;
  int warnings = 0;
  for (const auto& finding : result.findings) {
    errors += finding.severity == Finding::Severity::Error ? 1 : 0;
    warnings += finding.severity == Finding::Severity::Warning ? 1 : 0;
  }
  if (options.json) {
    nlohmann::ordered_json json{
        {"errors", errors}, {"warnings", warnings}, {"findings", nlohmann::ordered_json::array()}};
    for (const auto& finding : result.findings) {
      json["findings"].push_back({{"severity", to_string(finding.severity)},
                                  {"code", finding.code},
                                  {"subject", finding.subject},
                                  {"message", finding.message},
                                  {"fix", finding.fix}});
    }
    std::cout << json.dump(2) << "\n";
  } else {
    print_text(result.findings, errors, warnings);
  }
  if (result.unreachable) return kSystemUnusable;
  return errors > 0 ? kFoundSomething : kDone;
}

}  // namespace walbridge::cli
