// The settings of a client of librdkafka: the user's properties, and those on which exactness, order and bounded memory
// hang, which nobody overrides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "config/config.h"
#include "pipeline/api/result.h"
#include "pipeline/kafka/rdkafka_handles.h"

namespace walbridge::kafka {

// Batches stay below the smallest max.message.bytes that check_topics() accepts, so that none is refused that holds
// more than one record.
inline constexpr std::size_t kSmallestMessageLimit = 256 * 1024;
inline constexpr std::size_t kBatchBytes = kSmallestMessageLimit - kSmallestMessageLimit / 10;
inline constexpr std::size_t kLargestMessage = 64U << 20;
inline constexpr std::size_t kReadAheadKib = 16 * 1024;  // a reader stirs it, see rdkafka_reader.cc

enum class ClientKind { Writer, Reader, Admin };

// Operator "kafka-property", "kafka-scram".
Result<ConfHandle> make_conf(const config::Kafka& settings, ClientKind kind, std::size_t queue_bytes);

// librdkafka before 2.6.1 repeats itself in a SCRAM login, which brokers since 4.0 refuse as a wrong password.
std::optional<Error> scram_fault(const config::Kafka& settings, int librdkafka_version);

// Whether the value of a property must not be seen in a log.
bool is_secret_property(std::string_view name);

}  // namespace walbridge::kafka
