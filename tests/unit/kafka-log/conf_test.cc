// What becomes of kafka.properties, and of what nobody may override.
#include "pipeline/kafka/rdkafka_conf.h"

#include <array>

#include <gtest/gtest.h>

#include "tests/unit/kafka-log/settings.h"

namespace walbridge::kafka {
namespace {

std::string in_force(const ConfHandle& conf, const char* name) {
  std::array<char, 256> text{};
  std::size_t size = text.size();
  EXPECT_EQ(rd_kafka_conf_get(conf.get(), name, text.data(), &size), RD_KAFKA_CONF_OK) << name;
  return text.data();
}

Error fault_of(const std::map<std::string, std::string>& properties) {
  auto made = make_conf(settings_with(properties), ClientKind::Writer, 1 << 20);
  EXPECT_FALSE(made);
  return made ? Error{} : made.error();
}

TEST(Conf, AWriterIsIdempotentAndNeverGivesUp) {
  const auto conf = make_conf(settings_with(), ClientKind::Writer, 8 << 20);
  ASSERT_TRUE(conf) << conf.error().message;
  const std::map<std::string, std::string> wanted = {{"bootstrap.servers", "127.0.0.1:1"},
                                                     {"enable.idempotence", "true"},
                                                     {"enable.gapless.guarantee", "true"},
                                                     {"max.in.flight", "5"},
                                                     {"linger.ms", "0"},
                                                     {"allow.auto.create.topics", "false"},
                                                     {"statistics.interval.ms", "0"},
                                                     {"reconnect.backoff.max.ms", "1000"},
                                                     {"compression.codec", "lz4"}};
  for (const auto& [name, value] : wanted) EXPECT_EQ(in_force(*conf, name.c_str()), value) << name;
  EXPECT_LE(std::stoul(in_force(*conf, "batch.size")), kSmallestMessageLimit - kSmallestMessageLimit / 10);
  EXPECT_GE(std::stoul(in_force(*conf, "queue.buffering.max.kbytes")) * 1024, 8U << 20);
}

TEST(Conf, AReaderNeverMovesByItself) {
  const auto conf = make_conf(settings_with(), ClientKind::Reader, 0);
  ASSERT_TRUE(conf) << conf.error().message;
  const std::map<std::string, std::string> wanted = {{"enable.auto.commit", "false"},
                                                     {"enable.auto.offset.store", "false"},
                                                     {"enable.partition.eof", "true"},
                                                     {"check.crcs", "true"},
                                                     {"queued.max.messages.kbytes", std::to_string(kReadAheadKib)}};
  for (const auto& [name, value] : wanted) EXPECT_EQ(in_force(*conf, name.c_str()), value) << name;
}

TEST(Conf, TheUsersPropertiesAreSet) {
  const auto conf =
      make_conf(settings_with({{"client.id", "edge-1"}, {"socket.timeout.ms", "7000"}}), ClientKind::Reader, 0);
  ASSERT_TRUE(conf) << conf.error().message;
  EXPECT_EQ(in_force(*conf, "client.id"), "edge-1");
  EXPECT_EQ(in_force(*conf, "socket.timeout.ms"), "7000");
}

TEST(Conf, WhatWalbridgeOwnsIsRefused) {
  for (const char* name : {"acks", "enable.idempotence", "bootstrap.servers", "group.id", "message.timeout.ms"}) {
    const Error error = fault_of({{name, "1"}});
    EXPECT_EQ(error.code, "kafka-property") << name;
    EXPECT_TRUE(has(error.message, name)) << error.message;
  }
}

TEST(Conf, UnknownPropertiesAreNamedWithTheNearest) {
  const Error error = fault_of({{"sasl.pasword", "hunter2"}});
  EXPECT_EQ(error.code, "kafka-property");
  EXPECT_TRUE(has(error.message, "\"sasl.pasword\" is no property of librdkafka")) << error.message;
  EXPECT_EQ(error.remedy, "did you mean sasl.password?");
}

TEST(Conf, NoValueIsRepeated) {
  const Error error = fault_of({{"security.protocol", "hunter2"}});
  EXPECT_EQ(error.code, "kafka-property");
  EXPECT_FALSE(has(error.message + error.remedy, "hunter2"));
  EXPECT_EQ(error.remedy, "one of plaintext, ssl, sasl_plaintext, sasl_ssl");
}

TEST(Conf, ScramNeedsANewerLibrary) {
  const auto scram = settings_with({{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "SCRAM-SHA-256"}});
  ASSERT_TRUE(scram_fault(scram, 0x020002ff).has_value());
  EXPECT_EQ(scram_fault(scram, 0x020002ff)->code, "kafka-scram");
  EXPECT_TRUE(scram_fault(scram, 0x020600ff).has_value());
  EXPECT_FALSE(scram_fault(scram, 0x020601ff).has_value());
  EXPECT_TRUE(scram_fault(
      settings_with({{"security.protocol", "SASL_PLAINTEXT"}, {"sasl.mechanisms", "scram-sha-512"}}), 0x020002ff));
  EXPECT_FALSE(
      scram_fault(settings_with({{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "PLAIN"}}), 0x020002ff));
  EXPECT_FALSE(
      scram_fault(settings_with({{"security.protocol", "ssl"}, {"sasl.mechanism", "SCRAM-SHA-256"}}), 0x020002ff));
  EXPECT_FALSE(scram_fault(settings_with(), 0x020002ff));
}

TEST(Conf, SecretsAreKnownByTheirNames) {
  for (const char* name : {"sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem",
                           "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config"}) {
    EXPECT_TRUE(is_secret_property(name)) << name;
  }
  for (const char* name : {"sasl.username", "ssl.ca.location", "client.id"})
    EXPECT_FALSE(is_secret_property(name)) << name;
}

}  // namespace
}  // namespace walbridge::kafka
