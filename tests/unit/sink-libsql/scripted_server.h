// An HTTP/1.1 server on a port of its own that answers as a test tells it, wrong answers included: any status, half a
// body, a cut connection, silence. One thread per connection; all end with the object.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace walbridge::testing {

struct ScriptedRequest {
  std::string method;
  std::string path;
  std::string headers;  // lower case
  std::string body;
};

struct ScriptedReply {
  int status = 200;
  std::string body;
  bool cut_before = false;                    // no answer at all
  std::size_t cut_after = std::string::npos;  // of the body; Content-Length names all of it
  bool hang = false;                          // no answer until the client leaves
};

class ScriptedServer {
 public:
  using Script = std::function<ScriptedReply(const ScriptedRequest&)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, any, length) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, any, &length) != 0) {
      throw std::runtime_error("no port for the scripted server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<ScriptedRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t count() const { return requests().size(); }

 private:
  // True: bytes or an end of the stream are there; false: stopping.
  bool wait_for(int socket) const {
    pollfd watched{socket, POLLIN, 0};
    while (!stopping_) {
      if (::poll(&watched, 1, 20) > 0) return true;
    }
    return false;
  }

  void serve() {
    while (wait_for(listener_)) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) continue;
      conversations_.emplace_back([this, connection] {
        while (answer_one(connection)) {
        }
        ::close(connection);
      });
    }
    for (auto& conversation : conversations_) conversation.join();
  }

  bool read_more(int connection, std::string& into) const {
    char bytes[65536];
    if (!wait_for(connection)) return false;
    const auto count = ::recv(connection, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    into.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  bool answer_one(int connection) {
    std::string received;
    std::size_t head = std::string::npos;
    while ((head = received.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more(connection, received)) return false;
    }
    ScriptedRequest request;
    request.method = received.substr(0, received.find(' '));
    const auto path_at = request.method.size() + 1;
    request.path = received.substr(path_at, received.find(' ', path_at) - path_at);
    request.headers = received.substr(0, head);
    std::transform(request.headers.begin(), request.headers.end(), request.headers.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto length_at = request.headers.find("content-length:");
    const auto length = length_at == std::string::npos ? 0 : std::stoul(request.headers.substr(length_at + 15));
    request.body = received.substr(head + 4);
    while (request.body.size() < length) {
      if (!read_more(connection, request.body)) return false;
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    return send_reply(connection, script_(request));
  }

  bool send_reply(int connection, const ScriptedReply& reply) const {
    if (reply.cut_before) return false;
    if (reply.hang) {
      std::string ignored;
      while (read_more(connection, ignored)) {
      }
      return false;
    }
    auto text = "HTTP/1.1 " + std::to_string(reply.status) +
                " Scripted\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n" +
                reply.body.substr(0, std::min(reply.cut_after, reply.body.size()));
    std::string_view left = text;
    while (!left.empty()) {
      const auto sent = ::send(connection, left.data(), left.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      left.remove_prefix(static_cast<std::size_t>(sent));
    }
    return reply.cut_after >= reply.body.size();
  }

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
  std::vector<std::thread> conversations_;  // of thread_
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<ScriptedRequest> requests_;
};

}  // namespace walbridge::testing
