#include "source-pg/source_url.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace walbridge::source_pg {
namespace {

constexpr std::string_view kPoolerSuffix = "-pooler";
constexpr std::string_view kSupabasePooler = ".pooler.supabase.com";

// Parameters other clients put into a Postgres URL; libpq refuses them. Only these names may be repeated in a message:
// in a malformed URL a "parameter name" can be a piece of the password.
constexpr std::array<std::string_view, 11> kForeignParameters = {
    "pgbouncer", "schema",    "connection_limit",     "pool_timeout",        "sslaccept",
    "ssl",       "pool_size", "statement_cache_size", "prepared_statements", "currentSchema",
    "supa"};

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::vector<std::string> split_hosts(std::string_view list) {
  std::vector<std::string> hosts;
  while (!list.empty()) {
    const auto comma = list.find(',');
    hosts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return hosts;
}

Error unreadable_url(const char* libpq_message) {
  const std::string_view message = libpq_message == nullptr ? "" : libpq_message;
  for (const auto name : kForeignParameters) {
    if (message.find("\"" + std::string(name) + "\"") == std::string_view::npos) continue;
    return {Verdict::Operator, "source-url",
            "source.url has the parameter " + std::string(name) + ", which libpq does not know",
            "remove " + std::string(name) + " from the URL; it belongs to another client library"};
  }
  return {Verdict::Operator, "source-url", "source.url is not a connection string that libpq can read",
          "use postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full and percent-encode special characters "
          "of the password"};
}

// The direct host behind a pooler's, or empty when `host` is none.
std::string direct_host(std::string_view host, std::string_view user) {
  const auto label = host.substr(0, host.find('.'));
  if (label.size() > kPoolerSuffix.size() && label.ends_with(kPoolerSuffix)) {
    return std::string(label.substr(0, label.size() - kPoolerSuffix.size())) + std::string(host.substr(label.size()));
  }
  if (host.ends_with(kSupabasePooler)) {
    const auto dot = user.find('.');  // the pooler's users are called ROLE.PROJECT
    return "db." + (dot == std::string_view::npos ? "PROJECT" : std::string(user.substr(dot + 1))) + ".supabase.co";
  }
  return {};
}

}  // namespace

bool SourceUrl::local() const {
  return std::all_of(hosts.begin(), hosts.end(), [](const std::string& host) {
    return host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost" || host == "127.0.0.1" ||
           host == "::1";
  });
}

Result<SourceUrl> parse_source_url(const config::Secret& url) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(url.reveal().c_str(), &message));
  const std::unique_ptr<char, decltype(&PQfreemem)> owned_message(message, &PQfreemem);
  if (!options) return unreadable_url(message);

  SourceUrl parsed;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "host") parsed.hosts = split_hosts(option->val);
    if (keyword == "dbname") parsed.database = option->val;
    if (keyword == "user") parsed.user = option->val;
    if (keyword == "sslmode") parsed.ssl_mode = option->val;
    if (keyword == "sslrootcert") parsed.ssl_root_cert = option->val;
    if (keyword == "connect_timeout") parsed.connect_timeout = option->val;
    if ((keyword == "password" || keyword == "sslpassword") && *option->val != '\0')
      parsed.secrets.emplace_back(option->val);
  }
  for (const auto& host : parsed.hosts) {
    const auto direct = direct_host(host, parsed.user);
    if (direct.empty()) continue;
    return Error{Verdict::Operator, "pooler-host", "source.url names the pooler " + host + ", which cannot replicate",
                 "connect directly: use the host " + direct + " in source.url"};
  }
  return parsed;
}

}  // namespace walbridge::source_pg
