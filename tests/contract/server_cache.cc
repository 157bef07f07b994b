// sqld and tursodb, read back by one HTTP request per statement over a plain socket.
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sink-libsql/open.h"
#include "tests/contract/sql_cache.h"

namespace walbridge::testing {
namespace {

using nlohmann::json;

struct Address {
  std::string host;
  std::string port;
};

Address address_of(std::string url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) throw std::runtime_error("a test server's url begins with http://");
  url.erase(0, kScheme.size());
  url.erase(std::min(url.find('/'), url.size()));
  const auto colon = url.find(':');
  if (colon == std::string::npos) return {url, "80"};
  return {url.substr(0, colon), url.substr(colon + 1)};
}

int connect_to(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found) != 0) return -1;
  const int connection = ::socket(found->ai_family, found->ai_socktype, 0);
  const bool connected = connection >= 0 && ::connect(connection, found->ai_addr, found->ai_addrlen) == 0;
  ::freeaddrinfo(found);
  if (connected) return connection;
  if (connection >= 0) ::close(connection);
  return -1;
}

// The body of the answer; the connection is closed by the server or at Content-Length.
std::string post(const Address& address, const std::string& path, const std::string& body) {
  const int connection = connect_to(address);
  if (connection < 0) throw std::runtime_error("no connection to the test server");
  const auto request = fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: "
      "close\r\n\r\n{}",
      path, address.host, address.port, body.size(), body);
  std::size_t sent = 0;
  while (sent < request.size()) {
    const auto now = ::send(connection, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) break;
    sent += static_cast<std::size_t>(now);
  }
  std::string answer;
  std::string piece(64 * 1024, '\0');
  std::size_t wanted = std::string::npos;
  while (answer.size() < wanted) {
    const auto now = ::recv(connection, piece.data(), piece.size(), 0);
    if (now <= 0) break;
    answer.append(piece, 0, static_cast<std::size_t>(now));
    const auto header_end = answer.find("\r\n\r\n");
    if (wanted != std::string::npos || header_end == std::string::npos) continue;
    std::string header = answer.substr(0, header_end);
    std::transform(header.begin(), header.end(), header.begin(), [](unsigned char c) { return std::tolower(c); });
    if (const auto length = header.find("content-length:"); length != std::string::npos) {
      wanted = header_end + 4 + std::strtoull(header.c_str() + length + 15, nullptr, 10);
    }
  }
  ::close(connection);
  const auto header_end = answer.find("\r\n\r\n");
  return header_end == std::string::npos ? std::string() : answer.substr(header_end + 4);
}

std::string bytes_of_base64(const std::string& text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) break;
    bits = (bits << 6U) | static_cast<unsigned>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>((bits >> static_cast<unsigned>(held)) & 0xFFU);
  }
  return bytes;
}

std::string cell_of(const json& value) {
  const auto type = value.at("type").get<std::string>();
  if (type == "integer") return integer_cell(std::stoll(value.at("value").get<std::string>()));
  if (type == "float") return real_cell(value.at("value").get<double>());
  if (type == "text") return text_cell(value.at("value").get<std::string>());
  if (type == "blob") return blob_cell(bytes_of_base64(value.at("base64").get<std::string>()));
  return null_cell();
}

class ServerCache final : public SqlCache {
 public:
  // `closes`: the server knows the request "close", without which every statement leaves a stream open for 10 s.
  ServerCache(std::string url, bool closes) : url_(std::move(url)), address_(address_of(url_)), closes_(closes) {
    empty_database();
  }

  std::unique_ptr<Sink> make_sink(const std::string& stream) override {
    config::Sink settings;
    settings.name = "main";
    settings.url = url_;
    auto sink = sink_libsql::open_sink(settings, stream);
    if (!sink) throw std::runtime_error(describe(sink.error()));
    return *std::move(sink);
  }
  bool is_sqlite() const override { return closes_; }
  bool has_vectors() const override { return closes_; }

 private:
  std::optional<Rows> run(const std::string& sql) override {
    json request = {
        {"baton", nullptr},
        {"requests", {{{"type", "execute"}, {"stmt", {{"sql", sql}, {"want_rows", true}}}}}},
    };
    if (closes_) request["requests"].push_back({{"type", "close"}});
    const auto answer = json::parse(post(address_, "/v2/pipeline", request.dump()), nullptr, false);
    if (answer.is_discarded() || !answer.contains("results")) return std::nullopt;
    const auto& result = answer.at("results").at(0);
    if (result.at("type") != "ok") return std::nullopt;
    Rows rows;
    for (const auto& stored : result.at("response").at("result").at("rows")) {
      Row row;
      for (const auto& value : stored) row.push_back(cell_of(value));
      rows.push_back(std::move(row));
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  std::string url_;
  Address address_;
  bool closes_;
};

}  // namespace

std::unique_ptr<CacheUnderTest> make_sqld_cache() {
  return std::make_unique<ServerCache>(std::getenv("WALBRIDGE_TEST_SQLD_URL"), true);
}
std::unique_ptr<CacheUnderTest> make_tursodb_cache() {
  return std::make_unique<ServerCache>(std::getenv("WALBRIDGE_TEST_TURSODB_URL"), false);
}

}  // namespace walbridge::testing
