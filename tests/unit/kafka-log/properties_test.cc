#include "pipeline/kafka/rdkafka_properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/kafka/open.h"
#include "tests/unit/kafka-log/settings.h"

namespace walbridge::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> codes(const std::map<std::string, std::string>& properties) {
  std::vector<std::string> found;
  for (const auto& finding : doubtful_properties(settings_with(properties))) {
    found.push_back(finding.code);
    EXPECT_FALSE(finding.fix.empty());
    EXPECT_FALSE(has(finding.message, "hunter2")) << finding.message;
  }
  return found;
}

TEST(DoubtfulProperties, ThoseOfAProtocolThatIsNotSpoken) {
  const auto said = doubtful_properties(settings_with({{"sasl.password", "hunter2"}, {"sasl.username", "u"}}));
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].severity, Finding::Severity::Warning);
  EXPECT_TRUE(has(said[0].message, "sasl.password, sasl.username")) << said[0].message;
  EXPECT_THAT(codes({{"security.protocol", "ssl"}, {"sasl.password", "hunter2"}}),
              ElementsAre("kafka-property-unused"));
  EXPECT_THAT(codes({{"security.protocol", "SASL_PLAINTEXT"}, {"sasl.mechanism", "PLAIN"}, {"ssl.ca.location", "x"}}),
              ElementsAre("kafka-property-unused"));
  EXPECT_THAT(codes({{"sasl.username", "u"}, {"ssl.ca.location", "x"}}),
              ElementsAre("kafka-property-unused", "kafka-property-unused"));
  EXPECT_THAT(codes({{"security.protocol", "SSL"}, {"ssl.ca.location", "x"}}), IsEmpty());
  EXPECT_THAT(codes({{"client.id", "edge"}}), IsEmpty());
}

TEST(DoubtfulProperties, AMechanismNobodyKnows) {
  for (const char* known : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"}) {
    EXPECT_THAT(codes({{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", known}}), IsEmpty()) << known;
  }
  for (const char* name : {"sasl.mechanism", "sasl.mechanisms"}) {
    const auto said = doubtful_properties(settings_with({{"security.protocol", "sasl_ssl"}, {name, "hunter2"}}));
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(said[0].code, "kafka-mechanism");
    EXPECT_EQ(said[0].severity, Finding::Severity::Error);
    EXPECT_TRUE(has(said[0].fix, "SCRAM-SHA-512")) << said[0].fix;
  }
}

// … before and although nobody answers.
TEST(DoubtfulProperties, AreFoundByCheck) {
  const auto found = check_topics(settings_with({{"sasl.username", "u"}}));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].code, "kafka-property-unused");
  EXPECT_EQ(found[1].code, "kafka-unreachable");
}

}  // namespace
}  // namespace walbridge::kafka
