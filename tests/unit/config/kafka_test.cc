// The `kafka` section: what it reads, what its roles make needless, and what it refuses.
#include <filesystem>
#include <fstream>

#include "config/kafka_properties.h"
#include "tests/unit/config/loading.h"

namespace walbridge::config {
namespace {

// From line 3: the section and its first two keys.
std::string kafka(const std::string& rest) { return with("kafka:\n  brokers: k:9092\n  topic: t\n" + rest); }

std::string problem_of(const std::string& text) {
  const auto problems = bad(load(text));
  EXPECT_EQ(problems.size(), 1U) << all_of(problems);
  return problems.empty() ? "" : describe(problems.front());
}

TEST(Kafka, IsAbsentWithoutASection) {
  const Config c = good(load(with("")));
  EXPECT_FALSE(c.kafka.has_value());
  EXPECT_FALSE(c.publishes());
  EXPECT_TRUE(c.applies());
}

TEST(Kafka, ReadsAllOfIt) {
  const Config c = good(load(kafka(R"(  control_topic: asks
  role: both
  compression: zstd
  create_topic: false
  replicas: 2
  allow_single_replica: true
  on_gap: resync
  properties:
    sasl.password: ${PASSWORD}
    socket.timeout.ms: 5000
    log.connection.close: false
    client.id: ""
)"),
                             {{"PASSWORD", "hunter2"}}));
  ASSERT_TRUE(c.kafka.has_value());
  EXPECT_EQ(c.kafka->place.line, 3);
  EXPECT_EQ(c.kafka->brokers, "k:9092");
  EXPECT_EQ(c.kafka->topic, "t");
  EXPECT_EQ(c.kafka->control_topic, "asks");
  EXPECT_EQ(c.kafka->role, KafkaRole::Both);
  EXPECT_EQ(c.kafka->compression, "zstd");
  EXPECT_FALSE(c.kafka->create_topic);
  EXPECT_EQ(c.kafka->replicas, 2U);
  EXPECT_TRUE(c.kafka->allow_single_replica);
  EXPECT_EQ(c.kafka->on_gap, OnGap::Resync);
  ASSERT_EQ(c.kafka->properties.size(), 4U);
  EXPECT_EQ(c.kafka->properties.at("sasl.password").reveal(), "hunter2");
  EXPECT_EQ(c.kafka->properties.at("socket.timeout.ms").reveal(), "5000");
  EXPECT_EQ(c.kafka->properties.at("log.connection.close").reveal(), "false");
  EXPECT_EQ(c.kafka->properties.at("client.id").reveal(), "");
  EXPECT_TRUE(c.publishes());
  EXPECT_TRUE(c.applies());
}

TEST(Kafka, TheControlTopicIsNamedAfterTheTopic) { EXPECT_EQ(good(load(kafka(""))).kafka->control_topic, "t.control"); }

TEST(Kafka, BrokersAreAStringOrAList) {
  const auto brokers = [](const std::string& written) {
    return good(load(with("kafka: { topic: t, brokers: " + written + " }"))).kafka->brokers;
  };
  EXPECT_EQ(brokers("\"a:1, b.example:2 ,[::1]:3\""), "a:1,b.example:2,[::1]:3");
  EXPECT_EQ(brokers("[\"a:1\", \"b:2,c:3\"]"), "a:1,b:2,c:3");
}

TEST(Kafka, APublisherNeedsNoSinkAndReadsNone) {
  const std::string publisher =
      "source: { url: \"postgres://h/d\" }\nkafka: { brokers: \"k:1\", topic: t, role: publish }\n";
  const Config c = good(load(publisher));
  EXPECT_TRUE(c.sinks.empty());
  EXPECT_TRUE(c.publishes());
  EXPECT_FALSE(c.applies());
  const Config with_sink = good(load(publisher + "sink: { url: \"libsql://h\", auth_token: \"${NOT_HERE}\" }\n"));
  EXPECT_TRUE(with_sink.sinks.empty());
}

TEST(Kafka, AnApplierNeedsNoSource) {
  const std::string applier =
      "name: a-b\nsink: { url: \"file:a.db\" }\nkafka: { brokers: \"k:1\", topic: t, role: apply }\n";
  const Config c = good(load(applier));
  EXPECT_TRUE(c.source.url.empty());
  EXPECT_EQ(c.source.slot, "a_b");
  EXPECT_FALSE(c.publishes());
  EXPECT_EQ(good(load(applier + "source: { url: \"postgres://h/d\" }\n")).source.url.reveal(), "postgres://h/d");
  EXPECT_EQ(problem_of(applier + "source: { slot: s }\n"),
            "walbridge.yaml:4: source.url: is missing; write the direct connection string, e.g. ${DATABASE_URL}");
}

TEST(Kafka, TheOtherRolesNeedWhatTheyNeed) {
  const std::string section = "kafka: { brokers: \"k:1\", topic: t, role: ";
  EXPECT_TRUE(has(problem_of("sink: { url: \"file:a.db\" }\n" + section + "publish }\n"), "source.url: is missing"));
  EXPECT_TRUE(has(problem_of("sink: { url: \"file:a.db\" }\n" + section + "both }\n"), "source.url: is missing"));
  EXPECT_TRUE(has(problem_of("source: { url: \"postgres://h/d\" }\n" + section + "both }\n"), "sink: is missing"));
  EXPECT_TRUE(has(problem_of(section + "apply }\n"), "sink: is missing"));
}

TEST(Kafka, TheRequiredKeysAreNamed) {
  const auto problems = bad(load(with("kafka:\n")));
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(describe(problems[0]), "walbridge.yaml:3: kafka.brokers: is missing; name at least one as host:port");
  EXPECT_EQ(describe(problems[1]),
            "walbridge.yaml:3: kafka.topic: is missing; name the topic of the changes, e.g. shop.changes");
  EXPECT_TRUE(has(problem_of(with("kafka: shop\n")), "walbridge.yaml:3: kafka: must be a map"));
}

TEST(Kafka, SlipsAreNamedWithTheNearest) {
  EXPECT_EQ(problem_of(kafka("  broker: a:1\n")),
            "walbridge.yaml:6: kafka.broker: unknown key; did you mean `brokers`?");
  EXPECT_EQ(problem_of(kafka("  role: publisher\n")),
            "walbridge.yaml:6: kafka.role: must be one of `publish`, `apply`, `both`; did you mean `publish`?");
  EXPECT_TRUE(has(problem_of(kafka("  compression: brotli\n")), "kafka.compression: must be one of `lz4`, `zstd`"));
  EXPECT_TRUE(has(problem_of(kafka("  replicas: -1\n")), "kafka.replicas: must be a whole number from 0 to 32767"));
}

TEST(Kafka, BrokersMustBeHostAndPort) {
  const auto message = [](const std::string& written) {
    return problem_of(with("kafka: { topic: t, brokers: " + written + " }"));
  };
  const std::string form = "must be host:port, e.g. kafka-1:9092";
  for (const char* broker : {"kafka", "\"kafka:\"", "\"kafka:70000\"", "\":9092\"", "\"a:1,,b:2\"", "\"a:1,\"",
                             "\"a b:1\"", "\"u:p@h:1\""}) {
    EXPECT_TRUE(has(message(broker), form)) << broker;
  }
  EXPECT_TRUE(has(message("\"SASL_SSL://h:1\""), "without a scheme; TLS is `security.protocol`"));
  EXPECT_TRUE(has(message("[]"), "must list at least one broker"));
  EXPECT_EQ(message("[\"a:1\", \"b\"]").find("walbridge.yaml:3: kafka.brokers[1]: must be host:port"), 0U);
}

TEST(Kafka, TopicsAreNamedAsKafkaNamesThem) {
  const auto message = [](const std::string& name) {
    return problem_of(with("kafka: { brokers: \"k:1\", topic: \"" + name + "\" }"));
  };
  for (const char* name : {".", "..", "a b", "a/b", "a:b", "\xc3\xa4"}) {
    EXPECT_TRUE(has(message(name), "kafka.topic: a topic's name must be 1 to ")) << name;
  }
  // Room is left for the name of the control topic, unless that one has a name of its own.
  EXPECT_TRUE(has(message(std::string(242, 'a')), "must be 1 to 241 of"));
  good(load(with("kafka: { brokers: \"k:1\", topic: " + std::string(241, 'a') + " }")));
  good(load(with("kafka: { brokers: \"k:1\", control_topic: c, topic: " + std::string(249, 'A') + " }")));
  EXPECT_TRUE(has(problem_of(kafka("  control_topic: t\n")),
                  "walbridge.yaml:6: kafka.control_topic: must be another topic than `topic`"));
}

TEST(Kafka, WhatWalbridgeOwnsIsRefusedWithTheReason) {
  EXPECT_EQ(
      problem_of(kafka("  properties:\n    acks: 1\n")),
      "walbridge.yaml:7: kafka.properties.acks: is walbridge's own: nothing may be lost, repeated or change places "
      "between the brokers and it");
  EXPECT_EQ(problem_of(kafka("  properties: { bootstrap.servers: \"a:1\" }\n")),
            "walbridge.yaml:6: kafka.properties.\"bootstrap.servers\": is `kafka.brokers`");
  for (const char* name : {"enable.idempotence", "message.timeout.ms", "group.id", "auto.offset.reset", "linger.ms",
                           "queued.max.messages.kbytes", "transactional.id", "message.max.bytes", "compression.type"}) {
    EXPECT_NE(owned_kafka_property(name), nullptr) << name;
  }
  for (const char* name : {"sasl.password", "ssl.ca.location", "client.id", "socket.keepalive.enable", ""}) {
    EXPECT_EQ(owned_kafka_property(name), nullptr) << name;
  }
}

TEST(Kafka, PropertiesMayComeFromFiles) {
  std::string folder = (std::filesystem::temp_directory_path() / "walbridge-kafka-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/password") << "hunter2\n";
  const std::string section = "  properties: { sasl.password: { file: \"" + folder;
  EXPECT_EQ(good(load(kafka(section + "/password\" } }\n"))).kafka->properties.at("sasl.password").reveal(), "hunter2");
  EXPECT_TRUE(
      has(problem_of(kafka(section + "/none\" } }\n")), "kafka.properties.\"sasl.password\".file: the secret file"));
  std::filesystem::remove_all(folder);
}

TEST(Kafka, NoValueOfAPropertyIsRepeated) {
  for (const char* properties :
       {"{ sasl.password=hunter2 }", "{ \"sasl.password=hunter2\": x }", "[hunter2]", "hunter2",
        "{ sasl.password: [hunter2] }", "{ sasl.password: { hunter2: x } }", "{ sasl.password: \"a\\nhunter2\" }",
        "{ acks: hunter2 }", "{ sasl.password: \"${HUNTER:?hunter2}\", acks: hunter2 }", "{ \"u:hunter2@h\": }"}) {
    const std::string all =
        all_of(bad(load(kafka(std::string("  properties: ") + properties + "\n"), {{"HUNTER", "x"}})));
    EXPECT_FALSE(has(all, "hunter2")) << all;
    EXPECT_TRUE(has(all, "walbridge.yaml:6: kafka.properties")) << all;
  }
}

}  // namespace
}  // namespace walbridge::config
