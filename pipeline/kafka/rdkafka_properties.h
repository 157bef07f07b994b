// What librdkafka takes in silence although it cannot be meant: properties without effect, a login it does not know.
// Pure; no value is repeated.
#pragma once

#include <vector>

#include "config/config.h"
#include "pipeline/api/finding.h"

namespace walbridge::kafka {

// Warning "kafka-property-unused", Error "kafka-mechanism".
std::vector<Finding> doubtful_properties(const config::Kafka& settings);

}  // namespace walbridge::kafka
