// `healthcheck`: what a container runtime or a script asks; the answer of /readyz or /livez as an exit code.
#include <charconv>
#include <csignal>
#include <cstring>
#include <iostream>
#include <optional>
#include <string_view>

#include <unistd.h>

#include <httplib.h>

#include "cli/commands.h"
#include "cli/context.h"

namespace walbridge::cli {
namespace {

constexpr unsigned kSeconds = 3;

struct AdminAddress {
  std::string host;
  int port = 0;
  std::string prefix;  // path before /readyz, without a slash at its end
};

// "HOST:PORT" with the host in brackets when it is an IPv6 address.
std::optional<AdminAddress> split(std::string_view authority) {
  AdminAddress address;
  const auto colon = authority.rfind(':');
  const auto bracket = authority.rfind(']');
  std::string_view port = "80";
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  if (authority.size() > 2 && authority.front() == '[' && authority.back() == ']') {
    authority = authority.substr(1, authority.size() - 2);
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || address.port < 1 || address.port > 65535) return {};
  if (authority.empty() || authority.find_first_of("[]@?# ") != std::string_view::npos) return {};
  // A server that listens everywhere is asked here.
  address.host = authority == "0.0.0.0" ? "127.0.0.1" : authority == "::" ? "::1" : std::string(authority);
  return address;
}

std::optional<AdminAddress> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.substr(0, kScheme.size()) == kScheme) url.remove_prefix(kScheme.size());
  const auto slash = url.find('/');
  auto address = split(url.substr(0, slash));
  if (!address || slash == std::string_view::npos) return address;
  auto prefix = url.substr(slash);
  while (!prefix.empty() && prefix.back() == '/') prefix.remove_suffix(1);
  if (prefix.find_first_of("?# ") != std::string_view::npos) return {};
  address->prefix = prefix;
  return address;
}

// The one bound on everything, also on looking up the name and on a server that answers letter by letter.
void end_in_time() {
  std::signal(SIGALRM, [](int) {
    constexpr char kSaid[] = "error: no answer from the admin address in 3 s [admin-unreachable]\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kSaid, sizeof kSaid - 1);
    ::_exit(kSystemUnusable);
  });
  ::alarm(kSeconds);
}

int unusable(const std::string& code, const std::string& message, const std::string& remedy) {
  return fail({Verdict::Retry, code, message, remedy, {}});
}

int ask(const AdminAddress& address, const std::string& shown, bool live) {
  end_in_time();
  httplib::Client client(address.host, address.port);
  client.set_connection_timeout(kSeconds);
  client.set_read_timeout(kSeconds);
  const auto response = client.Get(address.prefix + (live ? "/livez" : "/readyz"));
  ::alarm(0);
  if (!response) {
    return unusable("admin-unreachable", "no bridge answers on " + shown,
                    "see that `walbridge run` runs and that its admin.listen can be reached from here");
  }
  const auto says = [&](int status, std::string_view first_line) {
    return response->status == status && response->body.substr(0, first_line.size()) == first_line;
  };
  const bool good = says(200, live ? "ok\n" : "ready\n");
  if (!good && !says(503, "not ready\n")) {
    return unusable("admin-foreign", "what answers on " + shown + " is not a bridge",
                    "compare the address with admin.listen of the bridge");
  }
  std::cout << response->body;
  return good ? kDone : kFoundSomething;
}

}  // namespace

int healthcheck(const std::string& config_path, const HealthcheckOptions& options) {
  std::string listen = options.url;
  if (listen.empty()) {
    const auto config = load_config(config_path);
    if (!config) return kUsage;
    listen = config->admin.listen;
    if (listen.empty()) {
      std::cerr << "error: the admin server is turned off: admin.listen is empty\n";
      return kUsage;
    }
  }
  const auto address = parse_url(listen);
  if (!address) {
    std::cerr << "error: --url: not an address of an admin server, e.g. http://127.0.0.1:9630\n";
    return kUsage;
  }
  return ask(*address, address->host + ":" + std::to_string(address->port), options.live);
}

}  // namespace walbridge::cli
