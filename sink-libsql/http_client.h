// HTTP requests over one kept-alive connection: the one place that knows libcurl. A reply of any status is a success
// here; an Error means that no whole reply came and that nobody knows whether the request was executed.
// One thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/api/result.h"

namespace walbridge::sink_libsql {

struct HttpReply {
  long status = 0;
  std::string body;
};

// Codes of the errors below; http-timeout is what a wedged server looks like.
extern const char* const kHttpTimeout;      // connected, but no whole reply in time
extern const char* const kHttpUnreachable;  // no connection
extern const char* const kHttpCut;          // the connection broke before the whole reply had come
extern const char* const kHttpTls;          // the server's certificate is not accepted

class HttpClient {
 public:
  HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  // `token` empty: no Authorization header. `url` holds no secret: messages name it.
  Result<HttpReply> post(const std::string& url, const std::string& token, std::string_view body,
                         std::chrono::milliseconds at_most);
  Result<HttpReply> get(const std::string& url, const std::string& token, std::chrono::milliseconds at_most);

 private:
  struct Handle;
  Result<HttpReply> perform(const std::string& url, const std::string& token, std::chrono::milliseconds at_most);
  std::unique_ptr<Handle> handle_;
};

}  // namespace walbridge::sink_libsql
