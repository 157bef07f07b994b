// What a source URL says, and the refusal of what can never replicate: a pooler's host. Nothing here echoes the URL:
// libpq's own parse errors would print the password. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/secret.h"
#include "pipeline/api/result.h"

namespace walbridge::source_pg {

struct SourceUrl {
  std::vector<std::string> hosts;  // as given; empty: libpq's default
  std::string database;
  std::string user;
  std::string ssl_mode;  // empty: libpq's default, "prefer"
  std::string ssl_root_cert;
  std::string connect_timeout;       // empty: not given
  std::vector<std::string> secrets;  // password, key passphrase: what no message may contain

  bool local() const;  // every host is a socket directory or this machine
};

// Errors: "source-url" when libpq cannot read it, "pooler-host" with the direct host's name in the remedy.
Result<SourceUrl> parse_source_url(const config::Secret& url);

}  // namespace walbridge::source_pg
