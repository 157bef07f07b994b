#include "sink-libsql/http_client.h"

#include <curl/curl.h>

#include <mutex>

namespace walbridge::sink_libsql {
namespace {

constexpr long kConnectMillis = 5'000;
// sqld stops a statement's answer at 10 MB; nothing we ask for comes near.
constexpr std::size_t kLargestReply = 64 << 20;

void start_library_once() {
  static std::once_flag started;
  std::call_once(started, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

std::size_t take_bytes(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kLargestReply) return 0;
  body.append(bytes, size * count);
  return size * count;
}

Error transport_error(CURLcode code, const std::string& url, bool connected) {
  const std::string what = curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      if (connected) return {Verdict::Retry, kHttpTimeout, "no whole answer from " + url + " in time", ""};
      return {Verdict::Retry, kHttpUnreachable, "no connection to " + url + " in time", ""};
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
      return {Verdict::Retry, kHttpUnreachable, "cannot reach " + url + ": " + what, ""};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return {Verdict::Operator, kHttpTls, "the certificate of " + url + " is not accepted: " + what,
              "use a host name the certificate names, or install its CA in the system's store"};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {Verdict::Operator, "config", "not a usable address: " + url,
              "set sink.url to libsql://HOST or http://HOST:PORT"};
    case CURLE_WRITE_ERROR:
      return {Verdict::Operator, "http-reply-too-large", "the answer of " + url + " is larger than 64 MiB",
              "check that sink.url is a libSQL server"};
    default:
      return {Verdict::Retry, kHttpCut, "connection to " + url + " broke: " + what, ""};
  }
}

}  // namespace

const char* const kHttpTimeout = "http-timeout";
const char* const kHttpUnreachable = "http-unreachable";
const char* const kHttpCut = "http-cut";
const char* const kHttpTls = "http-tls";

struct HttpClient::Handle {
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;

  ~Handle() {
    curl_slist_free_all(headers);
    if (easy != nullptr) curl_easy_cleanup(easy);
  }
};

HttpClient::HttpClient() : handle_(std::make_unique<Handle>()) {
  start_library_once();
  handle_->easy = curl_easy_init();
}

HttpClient::~HttpClient() = default;

Result<HttpReply> HttpClient::post(const std::string& url, const std::string& token, std::string_view body,
                                   std::chrono::milliseconds at_most) {
  curl_easy_setopt(handle_->easy, CURLOPT_POST, 1L);
  curl_easy_setopt(handle_->easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(handle_->easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  auto reply = perform(url, token, at_most);
  curl_easy_setopt(handle_->easy, CURLOPT_POSTFIELDS, nullptr);
  return reply;
}

Result<HttpReply> HttpClient::get(const std::string& url, const std::string& token, std::chrono::milliseconds at_most) {
  curl_easy_setopt(handle_->easy, CURLOPT_HTTPGET, 1L);
  return perform(url, token, at_most);
}

Result<HttpReply> HttpClient::perform(const std::string& url, const std::string& token,
                                      std::chrono::milliseconds at_most) {
  CURL* easy = handle_->easy;
  if (easy == nullptr) {
    return Error{Verdict::Operator, "http", "libcurl could not be started", "check the machine's memory and libcurl"};
  }
  HttpReply reply;
  curl_slist_free_all(handle_->headers);
  handle_->headers = curl_slist_append(nullptr, "Content-Type: application/json");
  // Above 1 MB curl would wait for "100 Continue", which sqld never sends.
  handle_->headers = curl_slist_append(handle_->headers, "Expect:");
  if (!token.empty()) {
    handle_->headers = curl_slist_append(handle_->headers, ("Authorization: Bearer " + token).c_str());
  }
  const bool plain = url.starts_with("http://");
  // The upgrade to HTTP/2 without TLS hangs in sqld when the request has a body.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   static_cast<long>(plain ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, handle_->headers);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMillis);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(at_most.count()));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply.body);
  const CURLcode code = curl_easy_perform(easy);
  if (code != CURLE_OK) {
    double connected_after = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME, &connected_after);
    return transport_error(code, url, connected_after > 0);
  }
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

}  // namespace walbridge::sink_libsql
