// Facts of a topic, and what is said about them.
#include "pipeline/kafka/rdkafka_verify.h"

#include <gtest/gtest.h>

#include "tests/unit/kafka-log/settings.h"

namespace walbridge::kafka {
namespace {

using Severity = Finding::Severity;

TopicFacts good_facts() {
  TopicFacts facts;
  facts.exists = true;
  facts.brokers = facts.replicas = 3;
  facts.partitions = 1;
  facts.settings = {{"cleanup.policy", "delete"},
                    {"retention.ms", "604800000"},
                    {"retention.bytes", "-1"},
                    {"min.insync.replicas", "2"},
                    {"unclean.leader.election.enable", "false"},
                    {"max.message.bytes", "1048588"},
                    {"compression.type", "producer"},
                    {"message.timestamp.type", "CreateTime"}};
  return facts;
}

std::vector<Finding> found(const TopicFacts& facts, Topic topic = Topic::Changes, bool single = false) {
  auto settings = settings_with();
  settings.allow_single_replica = single;
  return verify(facts, settings, topic,
                place_of(settings, topic == Topic::Changes ? settings.topic : settings.control_topic, true));
}

// The one finding beside the closing Ok.
Finding only(const TopicFacts& facts, Topic topic = Topic::Changes) {
  const auto all = found(facts, topic);
  EXPECT_EQ(all.size(), 2U);
  return all.size() == 2 ? all.front() : Finding{};
}

Finding with_setting(const std::string& name, const std::string& value, Topic topic = Topic::Changes) {
  TopicFacts facts = good_facts();
  facts.settings[name] = value;
  const Finding finding = only(facts, topic);
  EXPECT_FALSE(finding.fix.empty() && finding.severity != Severity::Ok);
  return finding;
}

TEST(Verify, AGoodTopicIsDescribed) {
  const auto all = found(good_facts());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].severity, Severity::Ok);
  EXPECT_EQ(all[0].subject, "topic shop.changes");
  EXPECT_EQ(all[0].message, "1 partition, 3 replicas on 3 brokers, kept 7 d");
}

TEST(Verify, EachSettingHasItsFinding) {
  EXPECT_EQ(with_setting("cleanup.policy", "compact").code, "kafka-cleanup-policy");
  EXPECT_EQ(with_setting("cleanup.policy", "compact,delete").severity, Severity::Error);
  EXPECT_EQ(with_setting("cleanup.policy", "compact", Topic::Control).severity, Severity::Error);
  EXPECT_EQ(with_setting("unclean.leader.election.enable", "true").severity, Severity::Error);
  EXPECT_EQ(with_setting("max.message.bytes", "262143").code, "kafka-max-message-bytes");
  EXPECT_EQ(with_setting("retention.ms", "3600000").code, "kafka-retention");
  EXPECT_EQ(with_setting("retention.bytes", "1000000").severity, Severity::Warning);
  EXPECT_EQ(with_setting("min.insync.replicas", "1").severity, Severity::Warning);
  EXPECT_EQ(with_setting("min.insync.replicas", "4").severity, Severity::Error);
  EXPECT_EQ(with_setting("compression.type", "gzip").code, "kafka-compression");
  EXPECT_EQ(with_setting("message.timestamp.type", "LogAppendTime").severity, Severity::Ok);
  EXPECT_EQ(found(good_facts(), Topic::Control).size(), 1U);
}

TEST(Verify, CommandsNameTheTopic) {
  EXPECT_EQ(with_setting("unclean.leader.election.enable", "true").fix,
            "kafka-configs.sh --bootstrap-server 127.0.0.1:1 --alter --entity-type topics --entity-name shop.changes "
            "--add-config unclean.leader.election.enable=false");
}

TEST(Verify, OnePartitionAndNoOther) {
  TopicFacts facts = good_facts();
  facts.partitions = 3;
  EXPECT_EQ(only(facts).code, "kafka-partitions");
  EXPECT_EQ(only(facts, Topic::Control).severity, Severity::Error);
}

TEST(Verify, ReplicasAreCounted) {
  TopicFacts facts = good_facts();
  facts.replicas = 1;  // whatever min.insync.replicas says
  EXPECT_EQ(only(facts).code, "kafka-replicas");
  EXPECT_EQ(only(facts).severity, Severity::Error);
  EXPECT_EQ(found(facts, Topic::Changes, true).size(), 1U);
  EXPECT_EQ(found(facts, Topic::Control).size(), 1U);
  facts.replicas = 2;
  EXPECT_EQ(only(facts).severity, Severity::Warning);
}

TEST(NewTopics, HaveAsManyReplicasAsIsSafe) {
  auto settings = settings_with();
  TopicFacts facts;
  facts.brokers = 5;
  EXPECT_EQ(new_topic(facts, settings, Topic::Changes)->replicas, 3);
  facts.brokers = 2;
  EXPECT_EQ(new_topic(facts, settings, Topic::Changes)->replicas, 2);
  settings.replicas = 4;
  EXPECT_EQ(new_topic(facts, settings, Topic::Changes)->replicas, 4);
  settings.replicas = 0;
  facts.brokers = 1;
  const auto refused = new_topic(facts, settings, Topic::Changes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "kafka-replicas");
  EXPECT_EQ(new_topic(facts, settings, Topic::Control)->replicas, 1);
  settings.allow_single_replica = true;
  EXPECT_EQ(new_topic(facts, settings, Topic::Changes)->replicas, 1);
  EXPECT_EQ(create_command(place_of(settings, "t", true), *new_topic(facts, settings, Topic::Changes)),
            "kafka-topics.sh --bootstrap-server 127.0.0.1:1 --create --topic t --partitions 1 --replication-factor 1 "
            "--config "
            "cleanup.policy=delete --config retention.ms=604800000");
}

}  // namespace
}  // namespace walbridge::kafka
