// The properties of librdkafka that no configuration may set, since exactness, order or bounded memory hang on them.
// Constant; any thread.
#pragma once

#include <string_view>

namespace walbridge::config {

// Why `name` is not to be set in `kafka.properties`, as the end of a message; nullptr: it may be.
const char* owned_kafka_property(std::string_view name);

}  // namespace walbridge::config
