// The bridge's part in Kafka: a pipeline that ends in a topic, and the beginning of a cache that is fed from one.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "config/load.h"
#include "mapping/unused_names.h"
#include "pipeline/api/failpoint.h"
#include "pipeline/api/log.h"
#include "pipeline/bridge.h"
#include "pipeline/kafka/event_codec.h"
#include "pipeline/topic_status.h"

namespace walbridge::pipeline {
namespace {

constexpr std::int64_t kTryAgainMs = 5'000;
constexpr std::int64_t kLookAtTablesMs = 30'000;

Error not_published(const std::string& table) {
  return {Verdict::Operator,
          "not-published",
          "the publisher does not publish " + table,
          "see `walbridge plan` where it runs, and `tables.include` in its configuration",
          {}};
}

}  // namespace

void Bridge::say_refused(const mapping::TopicPlan& plan) {
  std::map<std::string, std::string> said;
  for (const auto& refused : plan.refused) {
    const auto& code = said[refused.source_name] = refused.error.code;
    const auto before = said_refused_.find(refused.source_name);
    if (before != said_refused_.end() && before->second == code) continue;
    log::warn("table not published", {{"table", refused.source_name},
                                      {"code", refused.error.code},
                                      {"reason", refused.error.message},
                                      {"remedy", refused.error.remedy}});
  }
  said_refused_ = std::move(said);
}

// Rows are published whole: rules about them are the appliers'.
Status Bridge::plan_topic() {
  const auto plan = mapping::plan_topic(tables_, config_);
  say_refused(plan);
  for (const auto& finding : mapping::unused_names(tables_, config_)) {
    log::warn(finding.message, {{"code", finding.code}, {"fix", finding.fix}});
  }
  if (plan.tables.empty()) {
    return Error{Verdict::Operator,
                 "no-tables",
                 "no table of the source can be published",
                 "see `walbridge plan` for the reasons, and `tables.include` in " + config_.file,
                 {}};
  }
  for (const auto& each : plan.tables) wanted_[each.table->oid] = {{}, each.append_only};
  return Done{};
}

bool Bridge::bring_up_topic() {
  if (topic_->started) return true;
  if (clock_.now_ms() < topic_due_ms_) return false;
  topic_due_ms_ = clock_.now_ms() + kTryAgainMs;
  const auto failed = [&](const Error& error) {
    log::error("the slot cannot be made", {{"code", error.code}, {"error", error.message}, {"remedy", error.remedy}});
    const std::scoped_lock lock(topic_->stats.mutex);
    topic_->stats.last_error = error;
    return false;
  };
  if (auto slot = parts_.admin->slot_status()) {
    slot_ = *std::move(slot);
  } else {
    return failed(slot.error());
  }
  Lsn from = slot_.confirmed_flush_lsn;
  const bool fresh = !slot_.exists;
  if (fresh) {
    const auto point = parts_.snapshot->begin(SnapshotSource::SlotUse::CreatePermanent);
    parts_.snapshot->end();  // rows are copied when appliers ask for them
    if (!point) return failed(point.error());
    from = point->consistent_point;
    slot_made_here_ = slot_.exists = true;
    WALBRIDGE_FAILPOINT("after-slot");
  }
  for (const auto& each : published()) topic_->requests.approve(*each.table, each.append_only);
  // Appliers know the tables as the topic last described them; nobody here does: each is described once more.
  known_.emplace();
  for (const auto& each : published()) known_->emplace(each.table->oid, std::string());
  topic_->publisher.start(from, fresh);
  topic_->started = true;
  return true;
}

void Bridge::serve_requests() {
  for (auto& request : topic_->requests.take_tasks()) answer_request(std::move(request));
}

void Bridge::answer_request(kafka::Request request) {
  if (request.kind == kafka::Request::Kind::Chunk) return approve_chunk(std::move(request));
  kafka::RecordHead head;
  head.kind = kafka::RecordKind::Answer;
  head.request = request.id;
  head.committed_at = clock_.wall();
  const auto failed = [&](const Error& error) {
    head.failed = true;
    topic_->publisher.answer(head, kafka::encode_error(error));
  };
  if (request.kind == kafka::Request::Kind::Catalog) {
    auto tables = parts_.admin->describe_tables();
    if (!tables) return failed(tables.error());
    tables_ = *std::move(tables);
    std::vector<SourceTable> offered;
    // A reader's own plan says the same of those that are refused here, and why.
    std::copy_if(tables_.begin(), tables_.end(), std::back_inserter(offered),
                 [&](const SourceTable& table) { return config::selects(config_.tables, table.qualified_name()); });
    topic_->publisher.answer(head, kafka::encode_catalog(offered));
  } else if (request.kind == kafka::Request::Kind::Announce) {
    for (const auto oid : request.oids) describe_again(oid);
  } else {
    const auto asked = parts_.admin->request_copy(request.oids);
    if (!asked) return failed(asked.error());
    topic_->publisher.answer(head, to_string(*asked));
  }
}

// A table that is new here, or not as it was: the catalog says whether it may be read, and what it looks like.
void Bridge::approve_chunk(kafka::Request request) {
  const auto refuse = [&](const Error& error) {
    kafka::RecordHead head;
    head.kind = kafka::RecordKind::Chunk;
    head.request = request.id;
    head.failed = head.last = true;
    topic_->publisher.answer(head, kafka::encode_error(error));
  };
  if (!request.chunk.table) return;
  auto tables = parts_.admin->describe_tables();
  if (!tables) return refuse({Verdict::Retry, tables.error().code, tables.error().message, {}, {}});
  tables_ = *std::move(tables);
  const auto plan = mapping::plan_topic(tables_, config_);
  const auto oid = request.chunk.table->oid;
  const auto table = std::find_if(tables_.begin(), tables_.end(), [&](const auto& each) { return each.oid == oid; });
  if (table == tables_.end()) {  // dropped: the stream says so, too
    return refuse({Verdict::Retry, "relation-gone", "the table is gone", {}, {}});
  }
  const auto* planned = plan.find(oid);
  if (planned == nullptr) return refuse(not_published(table->qualified_name()));
  wanted_[oid] = {{}, planned->append_only};
  topic_->requests.approve(*table, planned->append_only);
  if (request.chunk.table->json != table->json)
    describe_again(oid);  // the asker's is older, or younger than the stream
  topic_->requests.copy(std::move(request));
}

std::vector<const SourceTable*> Bridge::watched_tables() {
  if (clock_.now_ms() >= tables_due_ms_) {
    tables_due_ms_ = clock_.now_ms() + kLookAtTablesMs;
    if (auto tables = parts_.admin->describe_tables()) tables_ = *std::move(tables);
    say_refused(mapping::plan_topic(tables_, config_));
  }
  std::vector<const SourceTable*> tables;
  for (const auto& each : published()) tables.push_back(each.table);
  return tables;
}

// Nothing fails for it: a cache takes what is in the topic, and that may be all there will be.
void Bridge::warn_of_silence(const SlotStatus::TopicRange& topic) const {
  const double silent = seconds_between(Timestamp{topic.written_ms * 1'000}, clock_.wall());
  if (topic.written_ms <= 0 || silent <= TopicStatus::kGoneSeconds || config_.publishes()) return;
  log::warn("no publisher writes into the topic: a cache gets what is in it",
            {{"topic", topic.topic}, {"silent_seconds", std::lround(silent)}, {"remedy", kafka::kStartPublisher}});
}

// A cache begins at a place in the topic; its rows come by copies. What it held before stays until then.
Status Bridge::begin_in_topic(const Cache& cache, const mapping::SinkPlan& plan,
                              std::vector<TableRecord>& records) const {
  for (const auto& finding : mapping::unused_names(tables_, config_)) {
    log::warn(finding.message, {{"code", finding.code}, {"fix", finding.fix}});
  }
  if (plan.tables.empty()) {
    return Error{
        Verdict::Operator,
        "no-tables",
        "sink " + cache.settings.name + ": none of the tables in topic " + config_.kafka->topic + " can be carried",
        "see `walbridge plan` for the reasons, and `tables.include` in " + config_.file +
            " here and where the publisher runs",
        {}};
  }
  for (auto record : cache.state->tables) {
    if (!LaneTables::is_relic(record)) {
      record.state = TableState::Pending;
      record.code = "gap";
      record.reason = "changes of the table were gone";
      record.stopped_at = {};
      record.backfill.clear();
    }
    records.push_back(std::move(record));
  }
  // What is to be copied is known with the place it begins at, or a kill in between would leave tables to nobody.
  for (const auto& planned : plan.tables) {
    const auto& table = planned->cache();
    const bool known = std::any_of(records.begin(), records.end(), [&](const TableRecord& record) {
      return record.source_oid == table.source_oid && !LaneTables::is_relic(record);
    });
    if (known) continue;
    std::erase_if(records, [&](const TableRecord& record) { return record.source_oid == table.source_oid; });
    TableRecord record;
    record.source_oid = table.source_oid;
    record.source_name = table.source_name;
    record.cache_name = table.name;
    record.state = TableState::Pending;
    record.code = "new";
    record.reason = "its rows are being copied";
    const auto source = std::find_if(tables_.begin(), tables_.end(),
                                     [&](const SourceTable& each) { return each.oid == table.source_oid; });
    if (source != tables_.end()) record.description = source->json;
    records.push_back(std::move(record));
  }
  return Done{};
}

}  // namespace walbridge::pipeline
