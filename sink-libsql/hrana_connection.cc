#include "sink-libsql/hrana_connection.h"

#include <fstream>
#include <sstream>

#include "sink-libsql/remote_error.h"

namespace walbridge::sink_libsql {
namespace {

using namespace std::chrono_literals;

constexpr auto kStreamLife = 8s;     // sqld forgets an idle stream after 10
constexpr int kNotFoundAllowed = 5;  // sqld evicts namespaces and then says for a moment that they do not exist
constexpr int kTimeoutsOfWedged = 3;
constexpr auto kProbeTime = 5'000ms;

Error bad_address(const std::string& url, const char* why) {
  return {Verdict::Operator, "config", "sink.url " + url + ": " + why,
          "set it to libsql://HOST, https://HOST or http://HOST:PORT"};
}

// "libsql://host" -> "https://host". Only what cannot be a secret is repeated in messages.
Result<std::string> base_address(const std::string& url) {
  const auto colon = url.find("://");
  if (colon == std::string::npos) return bad_address("(not shown)", "it has no scheme");
  const auto scheme = url.substr(0, colon);
  if (scheme != "libsql" && scheme != "https" && scheme != "http") return bad_address("(not shown)", "unknown scheme");
  auto rest = url.substr(colon + 3);
  while (!rest.empty() && rest.back() == '/') rest.pop_back();
  if (rest.find('@') != std::string::npos) {
    return bad_address("(not shown)", "it holds a user or password; use sink.auth_token");
  }
  if (rest.find('?') != std::string::npos) return bad_address("(not shown)", "it has parameters; use sink.auth_token");
  if (rest.empty() || rest.find_first_of("/# \t\r\n\"'\\") != std::string::npos) {
    return bad_address("(not shown)", "after the scheme only HOST or HOST:PORT may follow");
  }
  return (scheme == "http" ? "http://" : "https://") + rest;
}

std::string trimmed(std::string text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

bool wants_no_close(const HttpReply& reply) {
  return reply.status == 500 && reply.body.find("unknown variant `close`") != std::string::npos;
}

bool is_missing_page(const HttpReply& reply) {
  return reply.status == 404 && reply.body.find("Namespace") == std::string::npos &&
         !is_stream_refusal(404, reply.body);
}

}  // namespace

Result<HranaConnection> HranaConnection::make(const config::Sink& sink) {
  HranaConnection connection;
  WALBRIDGE_TRY_AS(connection.base_, base_address(sink.url));
  connection.cache_ = sink.url;
  connection.token_ = sink.auth_token.reveal();
  connection.token_file_ = sink.auth_token_file;
  if (connection.token_.empty()) connection.reload_token();
  return connection;
}

bool HranaConnection::reload_token() {
  if (token_file_.empty()) return false;
  std::ifstream file(token_file_);
  std::stringstream content;
  content << file.rdbuf();
  auto token = trimmed(content.str());
  if (token.empty() || token == token_) return false;
  token_ = std::move(token);
  return true;
}

Result<HttpReply> HranaConnection::post(HranaBatch& batch, bool close, std::chrono::milliseconds at_most) {
  const bool fresh = std::chrono::steady_clock::now() - baton_used_ < kStreamLife;
  const auto baton = fresh && !close ? std::exchange(baton_, {}) : std::string();
  baton_.clear();
  return http_->post(base_ + path_, token_, batch.request(baton, close), at_most);
}

// The first request finds out which of the two pipelines the server has and whether it knows `close`.
Result<HttpReply> HranaConnection::post_in_dialect(HranaBatch& batch, std::chrono::milliseconds at_most) {
  WALBRIDGE_TRY_AS(auto reply, post(batch, close_each_ && can_close_, at_most));
  if (is_missing_page(reply) && !dialect_known_) {
    path_ = "/v2/pipeline";
    WALBRIDGE_TRY_AS(reply, post(batch, close_each_ && can_close_, at_most));
    if (is_missing_page(reply)) path_ = "/v3/pipeline";
  }
  if (wants_no_close(reply) && can_close_) {
    can_close_ = false;
    return post(batch, false, at_most);
  }
  return reply;
}

Result<HranaReply> HranaConnection::run(HranaBatch& batch, Work work, std::chrono::milliseconds at_most) {
  bool stream_renewed = false;
  bool token_renewed = false;
  for (;;) {
    auto http = post_in_dialect(batch, at_most);
    if (!http) return count_failure(std::move(http.error()), work);
    if (is_stream_refusal(http->status, http->body) && !std::exchange(stream_renewed, true)) continue;
    if ((http->status == 401 || http->status == 403) && !std::exchange(token_renewed, true) && reload_token()) continue;
    auto reply = reply_of(*http, batch.steps());
    if (!reply) return count_failure(std::move(reply.error()), work);
    if (reply->request_error && is_stream_refusal(*reply->request_error) && !std::exchange(stream_renewed, true)) {
      baton_.clear();
      continue;
    }
    not_found_ = 0;
    if (work == Work::Write) write_timeouts_ = 0;
    return reply;
  }
}

Result<HranaReply> HranaConnection::reply_of(const HttpReply& http, std::size_t steps) {
  if (http.status != 200) return http_status_error(cache_, http.status, http.body);
  WALBRIDGE_TRY_AS(auto reply, parse_batch_reply(http.body, steps));
  dialect_known_ = true;
  // Streams that continue at another address would send our token there; do without them.
  close_each_ = !reply.base_url.empty() && reply.base_url != base_;
  if (!close_each_) baton_ = reply.baton;
  baton_used_ = std::chrono::steady_clock::now();
  return reply;
}

Error HranaConnection::count_failure(Error error, Work work) {
  if (error.code == "http-404" && ++not_found_ > kNotFoundAllowed) {
    error.verdict = Verdict::Operator;
    return error;
  }
  if (error.code != "http-404") not_found_ = 0;
  if (work == Work::Write && error.code == kHttpTimeout && ++write_timeouts_ >= kTimeoutsOfWedged && writes_hang()) {
    return wedged_error(cache_, write_timeouts_);
  }
  return error;
}

bool HranaConnection::writes_hang() {
  HranaBatch probe;
  probe.step("SELECT 1", HranaBatch::When::Always, 0, true);
  const auto http = post(probe, can_close_, kProbeTime);
  if (!http || http->status != 200) return false;
  const auto reply = parse_batch_reply(http->body, probe.steps());
  return reply && !reply->request_error && reply->steps.front().state == HranaStep::State::Ok;
}

Result<std::string> HranaConnection::server_version() {
  WALBRIDGE_TRY_AS(auto reply, http_->get(base_ + "/version", token_, kProbeTime));
  return reply.status == 200 ? trimmed(reply.body.substr(0, 80)) : std::string();
}

}  // namespace walbridge::sink_libsql
