// The shape of addresses: what can be said about them without connecting. Faults name what is wrong and never repeat
// the address. Pure.
#pragma once

#include <optional>
#include <string>

namespace walbridge::config {

using Fault = std::optional<std::string>;

Fault source_address_fault(const std::string& address);
Fault cache_address_fault(const std::string& address);
Fault listen_address_fault(const std::string& address);  // empty is off
Fault broker_address_fault(const std::string& address);  // host:port

bool is_local_cache(const std::string& address);

// Equal for two spellings of one cache: "file:a.db" and "file:./a.db", "libsql://H/" and "https://h".
std::string cache_identity(const std::string& address);

}  // namespace walbridge::config
