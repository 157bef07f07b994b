#include "config/kafka_properties.h"

#include <algorithm>
#include <array>

namespace walbridge::config {
namespace {

constexpr const char* kOrder =
    "is walbridge's own: nothing may be lost, repeated or change places between the brokers and it";
constexpr const char* kPlace = "is walbridge's own: where to read on is in the cache, in the transaction of the rows";
constexpr const char* kMemory = "is walbridge's own: it bounds memory";
constexpr const char* kSize = "is walbridge's own: it follows the topic's max.message.bytes";
constexpr const char* kOutage = "is walbridge's own: it tells an outage from a pause by it";
constexpr const char* kOutput = "is walbridge's own; set `log.level` instead";

struct Owned {
  std::string_view name;
  const char* reason;
};

// With the other names librdkafka knows them by.
constexpr auto kOwned = std::to_array<Owned>({
    {"bootstrap.servers", "is `kafka.brokers`"},
    {"metadata.broker.list", "is `kafka.brokers`"},
    {"compression.codec", "is `kafka.compression`"},
    {"compression.type", "is `kafka.compression`"},

    {"enable.idempotence", kOrder},
    {"enable.gapless.guarantee", kOrder},
    {"acks", kOrder},
    {"request.required.acks", kOrder},
    {"max.in.flight", kOrder},
    {"max.in.flight.requests.per.connection", kOrder},
    {"message.timeout.ms", kOrder},
    {"delivery.timeout.ms", kOrder},
    {"retries", kOrder},
    {"message.send.max.retries", kOrder},
    {"queuing.strategy", kOrder},
    {"partitioner", kOrder},
    {"transactional.id", kOrder},
    {"transaction.timeout.ms", kOrder},
    {"delivery.report.only.error", kOrder},
    {"produce.offset.report", kOrder},
    {"isolation.level", kOrder},
    {"check.crcs", kOrder},

    {"auto.offset.reset", kPlace},
    {"enable.auto.commit", kPlace},
    {"auto.commit.enable", kPlace},
    {"auto.commit.interval.ms", kPlace},
    {"enable.auto.offset.store", kPlace},
    {"offset.store.method", kPlace},
    {"offset.store.path", kPlace},
    {"group.id", kPlace},
    {"group.instance.id", kPlace},
    {"enable.partition.eof", kPlace},

    {"queue.buffering.max.messages", kMemory},
    {"queue.buffering.max.kbytes", kMemory},
    {"queued.min.messages", kMemory},
    {"queued.max.messages.kbytes", kMemory},
    {"fetch.message.max.bytes", kMemory},
    {"max.partition.fetch.bytes", kMemory},
    {"fetch.max.bytes", kMemory},
    {"receive.message.max.bytes", kMemory},
    {"message.copy.max.bytes", kMemory},

    {"linger.ms", "is walbridge's own: records are packed before they come here"},
    {"queue.buffering.max.ms", "is walbridge's own: records are packed before they come here"},
    {"batch.size", kSize},
    {"batch.num.messages", kSize},
    {"message.max.bytes", kSize},

    {"reconnect.backoff.ms", kOutage},
    {"reconnect.backoff.max.ms", kOutage},
    {"reconnect.backoff.jitter.ms", kOutage},

    {"allow.auto.create.topics", "is walbridge's own: see `kafka.create_topic`"},
    {"plugin.library.paths", "is not supported: walbridge loads no foreign code"},
    {"enabled_events", kOutput},
    {"log_level", kOutput},
    {"log.queue", kOutput},
    {"statistics.interval.ms", kOutput},
});

}  // namespace

const char* owned_kafka_property(std::string_view name) {
  const auto* at = std::find_if(kOwned.begin(), kOwned.end(), [&](const Owned& owned) { return owned.name == name; });
  return at == kOwned.end() ? nullptr : at->reason;
}

}  // namespace walbridge::config
