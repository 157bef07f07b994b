// Every seam of open.h in a build without librdkafka.
#include "pipeline/kafka/open.h"

namespace walbridge::kafka {
namespace {

Error not_built() {
  return {Verdict::Operator,
          "kafka-not-built",
          "the configuration has a `kafka` section, but this walbridge was built without Kafka",
          "build it with -DWALBRIDGE_KAFKA=ON (librdkafka), or remove the section",
          {}};
}

}  // namespace

bool built_with_kafka() { return false; }

Result<std::unique_ptr<LogWriter>> open_writer(const config::Kafka&, Topic, std::size_t) { return not_built(); }
Result<std::unique_ptr<LogReader>> open_reader(const config::Kafka&, Topic) { return not_built(); }
Status ensure_topics(const config::Kafka&) { return not_built(); }
Result<std::size_t> largest_value(const config::Kafka&) { return not_built(); }

std::vector<Finding> check_topics(const config::Kafka&) {
  const auto error = not_built();
  return {{Finding::Severity::Error, error.code, "kafka", error.message, error.remedy}};
}

}  // namespace walbridge::kafka
