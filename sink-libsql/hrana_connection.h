// One conversation with one remote database: address, credentials, dialect and stream. Sends one batch per request,
// one at a time (more than one writer can wedge sqld for good). A stream in use is continued with its baton as long
// as the server keeps it. One thread at a time.
#pragma once

#include <chrono>
#include <string>

#include "config/config.h"
#include "pipeline/api/result.h"
#include "sink-libsql/hrana_json.h"
#include "sink-libsql/http_client.h"

namespace walbridge::sink_libsql {

class HranaConnection {
 public:
  enum class Work { Read, Write };
  static constexpr std::chrono::milliseconds kRequestTime{30'000};

  static Result<HranaConnection> make(const config::Sink& sink);

  // One request, at most two more when the server refuses the stream, the token or the dialect without doing
  // anything. A Retry error leaves the outcome open; the batch may be sent again.
  Result<HranaReply> run(HranaBatch& batch, Work work, std::chrono::milliseconds at_most = kRequestTime);

  // "sqld 0.24.32 (...)"; empty where the server has no such page.
  Result<std::string> server_version();

  // The next request opens a new stream.
  void forget_stream() { baton_.clear(); }
  const std::string& cache() const { return cache_; }

 private:
  HranaConnection() = default;
  Result<HttpReply> post(HranaBatch& batch, bool close, std::chrono::milliseconds at_most);
  Result<HttpReply> post_in_dialect(HranaBatch& batch, std::chrono::milliseconds at_most);
  Result<HranaReply> reply_of(const HttpReply& http, std::size_t steps);
  Error count_failure(Error error, Work work);
  bool writes_hang();
  bool reload_token();

  std::string cache_;  // the address as configured, for messages
  std::string base_;   // "https://host:port"
  std::string token_;
  std::string token_file_;
  std::unique_ptr<HttpClient> http_ = std::make_unique<HttpClient>();
  const char* path_ = "/v3/pipeline";
  bool dialect_known_ = false;  // a pipeline was answered on path_
  bool can_close_ = true;       // tursodb does not know `close`
  bool close_each_ = false;     // the server wants streams elsewhere: use none
  std::string baton_;
  std::chrono::steady_clock::time_point baton_used_{};
  int not_found_ = 0;
  int write_timeouts_ = 0;
};

}  // namespace walbridge::sink_libsql
