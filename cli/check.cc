#include <algorithm>
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/feeds.h"
#include "cli/try_plan.h"
#include "mapping/table_plan.h"
#include "mapping/unused_names.h"
#include "pipeline/kafka/open.h"
#include "pipeline/source_gap.h"

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

bool has_errors(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Finding::Severity::Error; });
}

// Rows are published whole; rules about them are the appliers'.
void add_published(Check& check, const std::vector<SourceTable>& tables, const config::Config& config,
                   std::vector<PublishedTable>& selected) {
  auto plan = mapping::plan_topic(tables, config);
  if (!config.applies()) {
    for (const auto& refused : plan.refused) check.findings.push_back(finding_of(refused.error, refused.source_name));
  }
  selected = std::move(plan.tables);
}

// A slot whose stream went into a topic that is not this one, or is gone.
void add_other_topic(Check& check, const config::Config& config, SourceAdmin& admin) {
  const auto subject = "topic " + config.kafka->topic;
  const bool is_new = std::any_of(check.findings.begin(), check.findings.end(), [&](const Finding& finding) {
    return finding.code == "kafka-topic-new" && finding.subject == subject;
  });
  if (!is_new) return;
  if (const auto slot = admin.slot_status(); slot && slot->exists) {
    check.findings.push_back(
        {Finding::Severity::Warning, "kafka-topic-new", subject,
         "is not there yet, but slot " + config.source.slot +
             " is: what it has given so far went into another topic, or into one that is gone, and run would let every "
             "applier copy its tables again",
         "see whether kafka.topic is what it was"});
  }
}

// Preflight of the tables any sink takes, and each sink with the tables it takes.
Check look(const config::Config& config) {
  Check check;
  auto admin = open_source_admin(config);
  const bool from_topic = config.kafka && !config.publishes();
  const std::string source = from_topic ? "kafka" : "source";
  if (config.kafka) check.add(kafka::check_topics(*config.kafka));
  if (from_topic && has_errors(check.findings)) {  // nothing more can be learnt from the topic
    check.unreachable = true;
    return check;
  }
  auto identity = admin->identity();
  if (!identity) {
    check.findings.push_back(finding_of(identity.error(), source));
    if (from_topic && identity.error().code == "kafka-topic-missing") {
      check.findings.back().fix = "start the publisher: it creates the topic";
    }
    check.unreachable = true;
  }
  std::vector<SourceTable> tables;
  if (identity) {
    if (auto described = admin->describe_tables(); described) {
      tables = *std::move(described);
    } else {
      check.findings.push_back(finding_of(described.error(), source));
    }
  }
  auto sinks = open_sinks(config);
  if (!sinks) {
    check.findings.push_back(finding_of(sinks.error(), "sink"));
    return check;
  }
  // What the caches are fed from is the topic, if there is one.
  const auto feed = config.kafka && config.applies() && !from_topic ? open_feed_admin(config) : nullptr;
  if (feed) identity = feed->identity();
  const auto slot = identity ? (feed ? *feed : *admin).slot_status() : Result<SlotStatus>(identity.error());
  bool filled = false;
  std::vector<PublishedTable> selected;
  if (config.publishes()) {
    add_published(check, tables, config, selected);
    add_other_topic(check, config, *admin);
  }
  for (std::size_t i = 0; i < config.sinks.size(); ++i) {
    auto plan = mapping::plan_sink(tables, config, config.sinks[i]);
    try_plan(plan, config, config.sinks[i]);
    std::vector<const CacheTable*> cache_tables;
    for (const auto& table : plan.tables) cache_tables.push_back(&table->cache());
    for (const auto& refused : plan.refused) check.findings.push_back(finding_of(refused.error, refused.source_name));
    for (const auto& table : tables) {
      const auto wanted = std::find_if(plan.tables.begin(), plan.tables.end(),
                                       [&](const auto& each) { return each->cache().source_oid == table.oid; });
      const bool known = std::any_of(selected.begin(), selected.end(),
                                     [&](const PublishedTable& each) { return each.table == &table; });
      if (wanted != plan.tables.end() && !known && !config.publishes()) {
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
  if (!check.unreachable && !from_topic) check.add(admin->preflight(selected));
  if (filled && !from_topic) {
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
