#include "config/address.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace walbridge::config {
namespace {

constexpr const char* kCacheForms = "use file:PATH, libsql://HOST, https://HOST or http://HOST:PORT";
constexpr auto kRemoteSchemes = std::to_array<std::string_view>({"libsql://", "https://", "http://"});

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, port);
  return !text.empty() && code == std::errc{} && stop == end && port <= 65535;
}

// "host", "host:port", "[::1]", "[::1]:port".
bool is_host(std::string_view text, bool port_required) {
  if (text.find_first_of(" \t@\"'") != std::string_view::npos) return false;
  std::size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    if (text.substr(1, close - 1).find_first_not_of("0123456789abcdefABCDEF:.%") != std::string_view::npos)
      return false;
    if (close + 1 == text.size()) return !port_required;
    return text[close + 1] == ':' && is_port(text.substr(close + 2));
  }
  if (colon == std::string_view::npos) return !text.empty() && !port_required;
  return colon > 0 && text.find(':') == colon && is_port(text.substr(colon + 1));
}

std::size_t remote_scheme_length(const std::string& address) {
  const std::string start = lower(std::string_view(address).substr(0, 16));
  for (const std::string_view scheme : kRemoteSchemes) {
    if (start.starts_with(scheme)) return scheme.size();
  }
  return 0;
}

Fault local_cache_fault(const std::string& path) {
  if (path.empty()) return "file: names no file; write file:PATH, e.g. file:cache.db";
  if (path.starts_with("//") && !path.starts_with("///")) return "file: takes no host; write file:PATH or file:///PATH";
  if (path.ends_with('/')) return "file: names a folder, not a file";
  if (path == ":memory:" || path.find('?') != std::string::npos) {
    return "file: takes a plain path, without SQLite options; a cache in memory would be lost at every stop";
  }
  return std::nullopt;
}

Fault remote_cache_fault(std::string_view rest) {
  const std::size_t end = rest.find_first_of("/?#");
  const std::string_view authority = rest.substr(0, end);
  const std::string tail = end == std::string_view::npos ? "" : lower(rest.substr(end));
  if (authority.find('@') != std::string_view::npos) {
    return "holds a user or password, which would be printed; put the token in `auth_token`";
  }
  if (tail.find("authtoken=") != std::string::npos || tail.find("auth_token=") != std::string::npos ||
      tail.find("jwt=") != std::string::npos) {
    return "holds a token, which would be printed; put it in `auth_token`";
  }
  if (tail.find_first_of("?#") != std::string::npos) return "takes no options after `?` or `#`";
  if (!is_host(authority, false)) return "names no valid host; use libsql://HOST, https://HOST or http://HOST:PORT";
  return std::nullopt;
}

}  // namespace

Fault source_address_fault(const std::string& address) {
  const std::size_t scheme = address.find("://");
  const std::string start = lower(std::string_view(address).substr(0, scheme));
  const std::size_t equals = address.find('=');
  const bool keywords =
      equals != std::string::npos && equals > 0 && (scheme == std::string::npos || equals < scheme) &&
      address.substr(0, equals).find_first_not_of("abcdefghijklmnopqrstuvwxyz_ ") == std::string::npos;
  if (keywords) return std::nullopt;
  const bool url = scheme != std::string::npos && (start == "postgres" || start == "postgresql");
  if (!url) return "must be postgres://USER:PASSWORD@HOST/DATABASE or a keyword string such as `host=… dbname=…`";
  if (address.size() == scheme + 3) return "names no host and no database";
  if (address.find_first_of(" \t") != std::string::npos) return "holds a space; write it as %20";
  return std::nullopt;
}

bool is_local_cache(const std::string& address) { return lower(std::string_view(address).substr(0, 5)) == "file:"; }

Fault cache_address_fault(const std::string& address) {
  if (address.find_first_of("{}") != std::string::npos) {
    return "holds `{` or `}`; a database per row value is not supported by this version yet";
  }
  if (is_local_cache(address)) return local_cache_fault(address.substr(5));
  if (const std::size_t length = remote_scheme_length(address)) {
    return remote_cache_fault(std::string_view(address).substr(length));
  }
  const std::string start = lower(std::string_view(address).substr(0, 8));
  if (start.starts_with("ws://") || start.starts_with("wss://")) {
    return std::string("WebSocket addresses are not used; ") + kCacheForms;
  }
  return std::string("has no scheme walbridge knows; ") + kCacheForms;
}

std::string cache_identity(const std::string& address) {
  if (is_local_cache(address)) {
    std::string path = address.substr(5);
    if (path.starts_with("///")) path.erase(0, 2);
    return "file:" + std::filesystem::path(path).lexically_normal().string();
  }
  const std::size_t length = remote_scheme_length(address);
  std::string rest = address.substr(length);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  rest = lower(std::string_view(rest).substr(0, slash)) + rest.substr(slash);
  while (rest.ends_with('/')) rest.pop_back();
  const bool plain = lower(std::string_view(address).substr(0, 7)) == "http://";
  const std::string default_port = plain ? ":80" : ":443";
  if (rest.ends_with(default_port)) rest.resize(rest.size() - default_port.size());
  return (plain ? "http://" : "https://") + rest;
}

Fault listen_address_fault(const std::string& address) {
  if (address.empty() || is_host(address, true)) return std::nullopt;
  return "must be host:port, e.g. 127.0.0.1:9630 or [::1]:9630, or \"\" for off";
}

Fault broker_address_fault(const std::string& address) {
  if (is_host(address, true)) return std::nullopt;
  if (address.find("://") != std::string::npos) {
    return "must be host:port without a scheme; TLS is `security.protocol` in `kafka.properties`";
  }
  return "must be host:port, e.g. kafka-1:9092; several are separated by commas";
}

}  // namespace walbridge::config
