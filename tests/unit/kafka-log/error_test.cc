// What librdkafka and the brokers say, as errors of ours. The texts are librdkafka's own, as seen on a real broker.
#include "pipeline/kafka/rdkafka_error.h"

#include <gtest/gtest.h>

#include "tests/unit/kafka-log/settings.h"

namespace walbridge::kafka {
namespace {

const Place& place() {
  static const Place kPlace = [] {
    auto settings = settings_with({{"sasl.username", "bob"}, {"security.protocol", "sasl_ssl"}});
    settings.brokers = "kafka-1:9093";
    return place_of(settings, "shop.changes", true);
  }();
  return kPlace;
}

TEST(AnswerError, SaysWhoMustAct) {
  const auto verdict = [](rd_kafka_resp_err_t code) { return answer_error(code, "", place()).verdict; };
  const auto code = [](rd_kafka_resp_err_t given) { return answer_error(given, "", place()).code; };
  EXPECT_EQ(verdict(RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET), Verdict::Gap);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET), "kafka-offset-gone");
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE), "kafka-offset-gone");
  for (const auto missing : {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                             RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION}) {
    EXPECT_EQ(code(missing), "kafka-topic-missing");
    EXPECT_EQ(verdict(missing), Verdict::Retry);
  }
  for (const auto passing : {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TIMED_OUT,
                             RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS}) {
    EXPECT_EQ(code(passing), "kafka-unreachable");
    EXPECT_EQ(verdict(passing), Verdict::Retry);
  }
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), "kafka-record-refused");
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__BAD_MSG), "kafka-corrupt-record");
  // Unknown ones are a person's, under librdkafka's name.
  EXPECT_EQ(verdict(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER), Verdict::Operator);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER), "kafka-out-of-order-sequence-number");
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__FENCED), "kafka-fenced");
}

TEST(AnswerError, NamesTheRightThatIsMissing) {
  const Error error = answer_error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "", place());
  EXPECT_EQ(error.code, "kafka-authorisation");
  EXPECT_EQ(error.verdict, Verdict::Operator);
  EXPECT_EQ(error.remedy,
            "kafka-acls.sh --bootstrap-server kafka-1:9093 --command-config client.properties --add --allow-principal "
            "User:bob --operation Read --operation Write --operation Describe --operation DescribeConfigs --topic "
            "shop.changes");
}

struct Said {
  rd_kafka_resp_err_t code;
  const char* text;
  const char* becomes;
};

class ConnectionError : public testing::TestWithParam<Said> {};

TEST_P(ConnectionError, IsTold) {
  const Error error = connection_error(GetParam().code, GetParam().text, place());
  EXPECT_EQ(error.code, GetParam().becomes);
  EXPECT_EQ(error.verdict, error.code == "kafka-unreachable" ? Verdict::Retry : Verdict::Operator);
  EXPECT_EQ(error.remedy.empty(), error.verdict == Verdict::Retry);
  EXPECT_FALSE(has(error.message, "(after "));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, ConnectionError,
    testing::Values(
        Said{RD_KAFKA_RESP_ERR__AUTHENTICATION,
             "sasl_ssl://k:9093/bootstrap: SASL authentication error: Authentication failed: Invalid username or "
             "password "
             "(after 312ms in state AUTH_REQ)",
             "kafka-authentication"},
        Said{RD_KAFKA_RESP_ERR__AUTHENTICATION,
             "sasl_plaintext://k:9092/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid in "
             "current "
             "SASL state: broker's supported mechanisms:  (after 1ms in state AUTH_HANDSHAKE)",
             "kafka-authentication"},
        Said{RD_KAFKA_RESP_ERR__SSL,
             "ssl://k:9093/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: "
             "broker "
             "certificate could not be verified (after 27ms in state SSL_HANDSHAKE)",
             "kafka-tls"},
        Said{RD_KAFKA_RESP_ERR__TRANSPORT,
             "ssl://k:9093/bootstrap: Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL "
             "alert "
             "number 42 (after 20ms in state APIVERSION_QUERY)",
             "kafka-tls"},
        Said{RD_KAFKA_RESP_ERR__SSL,
             "ssl://k:9092/bootstrap: SSL handshake failed: error:0A000126:SSL routines::unexpected eof while reading "
             "(after "
             "5ms in state SSL_HANDSHAKE)",
             "kafka-protocol"},
        Said{RD_KAFKA_RESP_ERR__SSL,
             "ssl://k:9092/bootstrap: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener? "
             "(after "
             "5ms in state SSL_HANDSHAKE)",
             "kafka-protocol"},
        Said{RD_KAFKA_RESP_ERR__SSL,
             "ssl://k:9092/bootstrap: error:0A000126:SSL routines::unexpected eof while reading", "kafka-protocol"},
        Said{RD_KAFKA_RESP_ERR__TRANSPORT,
             "k:9093/bootstrap: Disconnected while requesting ApiVersion: might be caused by incorrect "
             "security.protocol "
             "configuration (connecting to a SSL listener?) or broker version is < 0.10 (after 2ms in state "
             "APIVERSION_QUERY)",
             "kafka-protocol"},
        Said{
            RD_KAFKA_RESP_ERR__TRANSPORT,
            "ssl://k:9093/bootstrap: Disconnected: verify that security.protocol is correctly configured, broker might "
            "require SASL authentication (after 2ms in state UP)",
            "kafka-protocol"},
        Said{RD_KAFKA_RESP_ERR__TRANSPORT,
             "k:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
             "kafka-unreachable"},
        Said{RD_KAFKA_RESP_ERR__RESOLVE, "k:9092/bootstrap: Failed to resolve 'k:9092': Name or service not known",
             "kafka-unreachable"},
        Said{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down", "kafka-unreachable"}));

TEST(Commands, NameTheRealTopicAndBrokers) {
  const Place plain = place_of(settings_with(), "t", false);
  EXPECT_EQ(config_command(plain, "cleanup.policy=delete"),
            "kafka-configs.sh --bootstrap-server 127.0.0.1:1 --alter --entity-type topics --entity-name t --add-config "
            "cleanup.policy=delete");
  EXPECT_EQ(topic_command(plain, "--create", "--partitions 1"),
            "kafka-topics.sh --bootstrap-server 127.0.0.1:1 --create --topic t --partitions 1");
  EXPECT_TRUE(has(acl_command(plain, "Read"), "User:NAME --operation Read --topic t"));
}

}  // namespace
}  // namespace walbridge::kafka
