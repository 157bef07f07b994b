#include "pipeline/metrics.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace walbridge::pipeline {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string, std::string>>;

// Thousands of tables would make thousands of series; the rest is in /status.
constexpr std::size_t kMostTableSeries = 200;

class Families {
 public:
  void gauge(const std::string& name, const std::string& help, double value, const Labels& labels = {}) {
    ClientMetric metric = labelled(labels);
    metric.gauge.value = value;
    family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
  }
  void counter(const std::string& name, const std::string& help, double value, const Labels& labels = {}) {
    ClientMetric metric = labelled(labels);
    metric.counter.value = value;
    family(name, help, MetricType::Counter).metric.push_back(std::move(metric));
  }
  void histogram(const std::string& name, const std::string& help, const DurationHistogram& source,
                 const Labels& labels) {
    ClientMetric metric = labelled(labels);
    std::uint64_t total = 0;
    for (std::size_t i = 0; i <= kDurationBounds.size(); ++i) {
      total += source.count(i);
      const double bound = i < kDurationBounds.size() ? kDurationBounds[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({total, bound});
    }
    metric.histogram.sample_count = total;
    metric.histogram.sample_sum = source.sum_seconds();
    family(name, help, MetricType::Histogram).metric.push_back(std::move(metric));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  static ClientMetric labelled(const Labels& labels) {
    ClientMetric metric;
    for (const auto& [name, value] : labels) metric.label.push_back({name, value});
    return metric;
  }
  MetricFamily& family(const std::string& name, const std::string& help, MetricType type) {
    const auto found = std::find_if(families_.begin(), families_.end(), [&](const auto& f) { return f.name == name; });
    if (found != families_.end()) return *found;
    families_.push_back({name, help, type, {}});
    return families_.back();
  }
  std::vector<MetricFamily> families_;
};

void add_source(Families& families, const BridgeStatus& status, const ReaderStats& reader) {
  families.gauge("walbridge_stream_up", "1 while the replication stream is open.", status.streaming ? 1 : 0);
  families.gauge("walbridge_stream_last_message_age_seconds", "Seconds since the source was last heard.",
                 status.stream_last_message_age_seconds);
  families.counter("walbridge_stream_starts_total", "Times the stream was opened.", static_cast<double>(reader.starts));
  families.counter("walbridge_source_transactions_total", "Transactions received from the source.",
                   static_cast<double>(reader.transactions));
  families.gauge("walbridge_received_lsn", "Position received from the source, in bytes of log.",
                 static_cast<double>(status.received.value));
  families.gauge("walbridge_confirmed_lsn", "Position confirmed to the source, in bytes of log.",
                 static_cast<double>(status.confirmed.value));
  if (!status.slot) return;
  families.gauge("walbridge_slot_retained_bytes", "Log the source keeps for the slot.",
                 static_cast<double>(status.slot->retained_bytes));
  if (status.slot->safe_bytes) {
    families.gauge("walbridge_slot_safe_bytes", "Log that may still be written before the slot is lost.",
                   static_cast<double>(*status.slot->safe_bytes));
  }
  for (const char* state : {"reserved", "extended", "unreserved", "lost", "missing"}) {
    const auto& now = status.slot->exists ? status.slot->wal_status : std::string("missing");
    families.gauge("walbridge_slot_status", "1 for the slot's present state.", now == state ? 1 : 0,
                   {{"status", state}});
  }
}

void add_cache(Families& families, const Cache& cache, const CacheStatus& status) {
  const Labels sink{{"sink", status.name}};
  const auto with = [&](const char* name, const std::string& value) {
    return Labels{{"sink", status.name}, {name, value}};
  };
  const auto& stats = cache.stats;
  families.gauge("walbridge_lag_seconds", "Age of the oldest commit not visible in the cache yet; 0 when caught up.",
                 status.lag_seconds, with("stage", "total"));
  if (!status.checkpoint.kafka.topic.empty()) {
    const std::pair<const char*, double> stages[] = {{"source", status.lag_source_seconds},
                                                     {"kafka", status.lag_kafka_seconds},
                                                     {"apply", status.lag_apply_seconds}};
    for (const auto& [stage, seconds] : stages) {
      families.gauge("walbridge_lag_seconds", {}, seconds, with("stage", stage));
    }
  }
  families.gauge("walbridge_sink_up", "1 while the cache is fed.",
                 status.phase == CachePhase::Streaming && !status.last_error ? 1 : 0, sink);
  families.gauge("walbridge_buffer_bytes", "Changes held in memory for the cache.",
                 static_cast<double>(status.buffer_bytes), sink);
  families.counter("walbridge_transactions_total", "Source transactions made visible.",
                   static_cast<double>(stats.transactions), sink);
  families.counter("walbridge_rows_total", "Row changes applied.", static_cast<double>(stats.inserts),
                   with("op", "insert"));
  families.counter("walbridge_rows_total", "Row changes applied.", static_cast<double>(stats.updates),
                   with("op", "update"));
  families.counter("walbridge_rows_total", "Row changes applied.", static_cast<double>(stats.deletes),
                   with("op", "delete"));
  families.counter("walbridge_rows_total", "Row changes applied.", static_cast<double>(stats.truncates),
                   with("op", "truncate"));
  families.counter("walbridge_batches_total", "Cache transactions committed.", static_cast<double>(stats.batches),
                   sink);
  families.histogram("walbridge_apply_seconds", "Duration of a cache transaction.", stats.apply_seconds, sink);
  families.histogram("walbridge_commit_to_visible_seconds",
                     "From commit at the source to visible, oldest of each cache transaction.",
                     stats.commit_to_visible_seconds, sink);
  families.counter("walbridge_snapshot_rows_total", "Rows copied by finished snapshots.",
                   static_cast<double>(stats.snapshot_rows), sink);
  families.gauge("walbridge_quarantined_rows", "Rows set aside because they could not be applied.", 0, sink);
  {
    const std::scoped_lock lock(stats.mutex);
    for (const auto& [code, count] : stats.retries) {
      families.counter("walbridge_retries_total", "Attempts repeated.", static_cast<double>(count), with("code", code));
    }
  }
  std::size_t series = 0;
  for (const auto& load : status.loads) {
    if (++series > kMostTableSeries) break;
    families.gauge("walbridge_snapshot_rows", "Rows of the table copied by the latest snapshot.",
                   static_cast<double>(load.rows), with("table", load.source_name));
    families.gauge("walbridge_snapshot_rows_estimated", "Rows the source's statistics expect.",
                   std::max(load.estimated_rows, 0.0), with("table", load.source_name));
  }
  // Stopped tables first: they are what an alert looks for.
  auto tables = status.tables;
  std::stable_sort(tables.begin(), tables.end(), [](const TableRecord& a, const TableRecord& b) {
    return (a.state == TableState::Stopped) > (b.state == TableState::Stopped);
  });
  series = 0;
  for (const auto& table : tables) {
    if (++series > kMostTableSeries) break;
    Labels labels{{"sink", status.name}, {"table", table.source_name}, {"state", to_string(table.state)}};
    if (!table.code.empty() && table.state != TableState::Live) labels.emplace_back("code", table.code);
    families.gauge("walbridge_table_state", "1 for the table's present state.", 1, labels);
  }
  for (const auto& table : status.refused) {
    if (++series > kMostTableSeries) break;
    families.gauge(
        "walbridge_table_state", "1 for the table's present state.", 1,
        {{"sink", status.name}, {"table", table.source_name}, {"state", "refused"}, {"code", table.error.code}});
  }
}

void add_publisher(Families& families, const PublisherStatus& status, const kafka::PublisherStats& stats,
                   double source_lag_seconds) {
  families.gauge("walbridge_kafka_up", "1 while changes are published into the topic.",
                 status.open && !status.error ? 1 : 0);
  families.counter("walbridge_kafka_records_total", "Records written into the topic.",
                   static_cast<double>(status.records));
  families.counter("walbridge_kafka_bytes_total", "Bytes written into the topic, before compression.",
                   static_cast<double>(status.bytes));
  families.counter("walbridge_kafka_transactions_total", "Source transactions written into the topic.",
                   static_cast<double>(status.transactions));
  families.gauge("walbridge_kafka_unconfirmed_bytes", "Bytes written that the brokers have not confirmed yet.",
                 static_cast<double>(status.unconfirmed_bytes));
  families.histogram("walbridge_kafka_publish_seconds",
                     "From commit at the source to confirmed by the brokers, oldest of each record.",
                     stats.publish_seconds, {});
  families.gauge("walbridge_lag_seconds", "Age of the oldest commit not visible in the cache yet; 0 when caught up.",
                 status.lag_seconds, {{"sink", "kafka"}, {"stage", "total"}});
  families.gauge("walbridge_lag_seconds", {}, source_lag_seconds, {{"sink", "kafka"}, {"stage", "source"}});
}

}  // namespace

std::string render_metrics(const Bridge& bridge, const Bridge* publisher, const BridgeStatus& status) {
  Families families;
  families.gauge("walbridge_build_info", "The running version.", 1, {{"version", WALBRIDGE_VERSION}});
  add_source(families, status, (publisher != nullptr ? *publisher : bridge).reader_stats());
  const auto* topic = publisher != nullptr ? publisher->topic() : bridge.topic();
  if (topic != nullptr && status.publisher) {
    add_publisher(families, *status.publisher, topic->stats, status.source_lag_seconds);
  }
  for (std::size_t i = 0; i < status.caches.size(); ++i) {
    if (status.topic) {
      const Labels sink{{"sink", status.caches[i].name}};
      families.gauge("walbridge_kafka_consumer_lag_records", "Records of the topic that were not read yet.",
                     static_cast<double>(status.topic->behind_records()), sink);
      families.gauge("walbridge_kafka_consumer_lag_seconds",
                     "How long the last record read had been in the topic; 0 at its end.", status.topic->behind_seconds,
                     sink);
    } else {
      families.gauge("walbridge_lag_seconds",
                     "Age of the oldest commit not visible in the cache yet; 0 when caught up.",
                     status.source_lag_seconds, {{"sink", status.caches[i].name}, {"stage", "source"}});
    }
    add_cache(families, *bridge.caches()[i], status.caches[i]);
  }
  return families.text();
}

}  // namespace walbridge::pipeline
