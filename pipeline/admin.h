// The admin server: /metrics, /livez, /readyz, /status. Own threads (cpp-httplib's); reads only what `content` gives.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/api/result.h"

namespace walbridge::pipeline {

struct AdminContent {
  std::function<std::string()> metrics;
  std::function<std::string()> status;                  // JSON
  std::function<std::vector<std::string>()> not_ready;  // empty: ready
};

class AdminServer {
 public:
  AdminServer();
  ~AdminServer();
  // `listen`: "HOST:PORT". Fails when the address cannot be bound.
  Status start(const std::string& listen, AdminContent content);
  void stop();

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

// GET http://`listen``path`; an Error with verdict Retry when nobody answers.
Result<std::string> admin_get(const std::string& listen, const std::string& path);

}  // namespace walbridge::pipeline
