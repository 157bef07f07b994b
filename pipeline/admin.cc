#include "pipeline/admin.h"

#include <thread>

#include <httplib.h>

namespace walbridge::pipeline {
namespace {

struct Address {
  std::string host;
  int port = 0;
};

// The configuration has checked the shape already.
Address split(const std::string& listen) {
  const auto colon = listen.rfind(':');
  auto host = listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {host, std::stoi(listen.substr(colon + 1))};
}

}  // namespace

struct AdminServer::Server {
  httplib::Server http;
  std::jthread thread;
};

AdminServer::AdminServer() = default;
AdminServer::~AdminServer() { stop(); }

Status AdminServer::start(const std::string& listen, AdminContent content) {
  const auto [host, port] = split(listen);
  server_ = std::make_unique<Server>();
  auto& http = server_->http;
  http.new_task_queue = [] { return new httplib::ThreadPool(2); };
  // httplib's default would let a second bridge share the port in silence.
  http.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  http.Get("/metrics", [content](const httplib::Request&, httplib::Response& response) {
    response.set_content(content.metrics(), "text/plain; version=0.0.4; charset=utf-8");
  });
  http.Get("/livez",
           [](const httplib::Request&, httplib::Response& response) { response.set_content("ok\n", "text/plain"); });
  http.Get("/readyz", [content](const httplib::Request&, httplib::Response& response) {
    const auto reasons = content.not_ready();
    std::string body = reasons.empty() ? "ready\n" : "not ready\n";
    for (const auto& reason : reasons) body += "- " + reason + "\n";
    response.status = reasons.empty() ? 200 : 503;
    response.set_content(body, "text/plain");
  });
  http.Get("/status", [content](const httplib::Request&, httplib::Response& response) {
    response.set_content(content.status() + "\n", "application/json");
  });
  if (!http.bind_to_port(host, port)) {
    server_.reset();
    return Error{
        Verdict::Operator,
        "admin-listen",
        "admin.listen: cannot bind " + listen,
        "another process uses the port, perhaps another walbridge; choose a free one or set `admin: { listen: \"\" }`",
        {}};
  }
  server_->thread = std::jthread([&http] { http.listen_after_bind(); });
  // stop() has no effect on a server that does not run yet, and would then be waited for in vain.
  while (!http.is_running()) std::this_thread::yield();
  return Done{};
}

void AdminServer::stop() {
  if (!server_) return;
  server_->http.stop();
  server_.reset();
}

Result<std::string> admin_get(const std::string& listen, const std::string& path) {
  const auto [host, port] = split(listen);
  httplib::Client client(host == "0.0.0.0" ? "127.0.0.1" : host, port);
  client.set_connection_timeout(1);
  client.set_read_timeout(5);
  const auto response = client.Get(path);
  if (!response || response->status >= 500) {
    return Error{Verdict::Retry, "admin-unreachable", "no bridge answers on " + listen, {}, {}};
  }
  return response->body;
}

}  // namespace walbridge::pipeline
