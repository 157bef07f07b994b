#include "pipeline/kafka/rdkafka_client.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "pipeline/api/log.h"

namespace walbridge::kafka {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kErrorSize = 512;
constexpr std::size_t kShortestSecret = 3;  // shorter ones would be found everywhere
constexpr int kSyslogWarning = 4;
constexpr std::chrono::seconds kOncePer{30};
constexpr std::chrono::milliseconds kStep{500};

// Questions are worth asking again while brokers come and go.
bool nobody_there(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
      return true;
    default:
      return false;
  }
}

// A failed rd_kafka_new() has freed the interceptors that rd_kafka_conf_destroy() would free again.
void abandon(ConfHandle conf) {
  static std::mutex mutex;
  static std::vector<rd_kafka_conf_t*> abandoned;
  const std::lock_guard lock(mutex);
  abandoned.push_back(conf.release());
}

}  // namespace

// librdkafka's lines: warnings as warnings, each kind once in a while; all else for those who debug.
class Client::LogLines {
 public:
  void line(int level, const char* kind, const std::string& text) {
    const bool loud = level <= kSyslogWarning && !expected(kind) && due(kind);
    log::write(loud ? log::Level::Warn : log::Level::Debug, "librdkafka", {{"kind", kind}, {"text", text}});
  }

 private:
  // Said by our own errors and metrics, or known: the guarantee that librdkafka calls experimental is tested.
  static bool expected(std::string_view kind) {
    return kind == "FAIL" || kind == "ERROR" || kind == "CONFWARN" || kind == "FATAL" || kind == "OFFSET" ||
           kind == "GETPID" || kind == "TERMINATE";
  }
  bool due(const char* kind) {
    const std::lock_guard lock(mutex_);
    const auto now = Steady::now();
    const auto [at, first] = said_.emplace(kind, now);
    if (!first && now - at->second < kOncePer) return false;
    at->second = now;
    return true;
  }

  std::mutex mutex_;
  std::map<std::string, Steady::time_point> said_;  // guarded
};

Client::Client(const config::Kafka& settings, const std::string& topic, ClientKind kind)
    : place_(place_of(settings, topic, kind == ClientKind::Writer)),
      reach_(place_),
      lines_(std::make_unique<LogLines>()) {
  for (const auto& [name, value] : settings.properties) {
    if (is_secret_property(name) && value.reveal().size() >= kShortestSecret) secrets_.push_back(value.reveal());
  }
}

Result<std::unique_ptr<Client>> Client::open(const config::Kafka& settings, const std::string& topic, ClientKind kind,
                                             std::size_t queue_bytes) {
  WALBRIDGE_TRY_AS(ConfHandle conf, make_conf(settings, kind, queue_bytes));
  std::unique_ptr<Client> made(new Client(settings, topic, kind));
  rd_kafka_conf_set_opaque(conf.get(), made.get());
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_DR);
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t* rk, int level, const char* kind_of_line, const char* text) {
    auto* self = static_cast<Client*>(rd_kafka_opaque(rk));
    self->lines_->line(level, kind_of_line, self->scrubbed(text));
  });
  // A writer looks at its events itself, between its reports.
  const bool in_background = kind != ClientKind::Writer;
  if (in_background) {
    rd_kafka_conf_set_background_event_cb(conf.get(), [](rd_kafka_t*, rd_kafka_event_t* event, void* opaque) {
      const EventHandle owned(event);
      static_cast<Client*>(opaque)->note(event);
    });
  }
  rd_kafka_conf_interceptor_add_on_new(
      conf.get(), "walbridge",
      [](rd_kafka_t* rk, const rd_kafka_conf_t*, void* self, char*, std::size_t) {
        return rd_kafka_interceptor_add_on_response_received(
            rk, "walbridge",
            [](rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api_key, std::int16_t, std::int32_t,
               std::size_t, std::int64_t, rd_kafka_resp_err_t code, void* client) {
              if (code == RD_KAFKA_RESP_ERR_NO_ERROR) static_cast<Client*>(client)->reach_.answered(api_key);
              return RD_KAFKA_RESP_ERR_NO_ERROR;
            },
            self);
      },
      made.get());
  std::array<char, kErrorSize> text{};
  const auto type = kind == ClientKind::Reader ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
  made->client_ = rd_kafka_new(type, conf.get(), text.data(), text.size());
  if (made->client_ == nullptr) {
    abandon(std::move(conf));
    return Error{Verdict::Operator, "kafka-property",
                 "librdkafka does not take kafka.properties: " + made->scrubbed(text.data()),
                 "mend what it names; paths are relative to the working directory"};
  }
  conf.release();  // NOLINT(bugprone-unused-return-value): the client's now
  if (in_background) {
    const QueueHandle events(rd_kafka_queue_get_main(made->client_));
    const QueueHandle background(rd_kafka_queue_get_background(made->client_));
    rd_kafka_queue_forward(events.get(), background.get());
  }
  made->topic_.reset(rd_kafka_topic_new(made->client_, topic.c_str(), nullptr));
  if (made->topic_ == nullptr) return answer_error(rd_kafka_last_error(), "no handle for the topic", made->place_);
  return made;
}

Client::~Client() {
  topic_.reset();
  if (client_ != nullptr) rd_kafka_destroy(client_);
}

bool Client::note(rd_kafka_event_t* event) {
  if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR) return false;
  const rd_kafka_resp_err_t code = rd_kafka_event_error(event);
  if (rd_kafka_event_error_is_fatal(event) != 0) return true;
  const char* text = rd_kafka_event_error_string(event);
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      reach_.failed(code, scrubbed(text == nullptr ? "" : text));
      return false;
    default:
      log::debug("librdkafka", {{"kind", rd_kafka_err2name(code)}, {"text", scrubbed(text == nullptr ? "" : text)}});
      return false;
  }
}

rd_kafka_resp_err_t Client::ask(const std::function<rd_kafka_resp_err_t(int timeout_ms)>& question) const {
  const auto until = Steady::now() + kAnswerWithin;
  while (true) {
    const auto code = question(static_cast<int>(kStep.count()));
    if (!nobody_there(code) || reach_.hopeless() || Steady::now() >= until) return code;
  }
}

rd_kafka_resp_err_t Client::ask_for_topic(MetadataHandle& metadata) const {
  const rd_kafka_metadata_t* answer = nullptr;
  const auto code =
      ask([&](int timeout_ms) { return rd_kafka_metadata(client_, 0, topic_.get(), &answer, timeout_ms); });
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  metadata.reset(answer);
  for (int i = 0; i < answer->topic_cnt; ++i) {
    if (place_.topic == answer->topics[i].topic) return answer->topics[i].err;
  }
  return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

Error Client::explain(rd_kafka_resp_err_t code, const std::string& text) const {
  if (nobody_there(code)) {
    if (auto trouble = reach_.trouble()) return *std::move(trouble);
  }
  return answer_error(code, scrubbed(text), place_);
}

std::string Client::scrubbed(std::string text) const {
  for (const std::string& secret : secrets_) {
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
      text.replace(at, secret.size(), config::Secret::kMask);
    }
  }
  return text;
}

}  // namespace walbridge::kafka
