// The configuration that `init` writes: YAML that works as it is, with everything a person should decide as comments
// beside it. No secret is ever in it: addresses and tokens are named as variables. Pure; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "pipeline/api/finding.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

struct StarterRequest {
  std::string source_variable = "DATABASE_URL";  // of the environment, holds the source's address
  std::string sink_url = "file:cache.db";        // without a secret
  std::string token_variable;                    // holds the cache's token; empty: it needs none
};

struct StarterConfig {
  std::string yaml;
  std::size_t carried = 0;
  struct Excluded {
    std::string table;
    std::string reason;
  };
  std::vector<Excluded> excluded;
  std::size_t questions = 0;  // tables with something to decide
};

// `findings`: of the preflight; a table that one of them speaks against is left out, with the reason and the remedy.
StarterConfig starter_config(const StarterRequest& request, std::span<const SourceTable> tables,
                             std::span<const Finding> findings);

}  // namespace walbridge::mapping
