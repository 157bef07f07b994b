// Drives the log of pipeline/kafka over librdkafka from the command line, for tests that do to its broker what a test
// inside the process cannot. CONFIG is a configuration file with a `kafka` section:
//   kafka-log-driver CONFIG publish COUNT SIZE PER_SECOND   COUNT numbered records, no more than so many in a second
//   kafka-log-driver CONFIG read FROM COUNT                 COUNT records from the offset FROM on, through any outage
//   kafka-log-driver CONFIG check | ensure | largest | range
// Prints one JSON line for everything that happens.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "config/load.h"
#include "pipeline/api/log.h"
#include "pipeline/kafka/open.h"

namespace {

using namespace walbridge;
using nlohmann::json;
using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kQueueBytes = 8U << 20;
constexpr milliseconds kStep{20};
constexpr milliseconds kSayAfter{200};

void say(const json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

json as_json(const Error& error) {
  return {{"verdict", to_string(error.verdict)},
          {"code", error.code},
          {"message", error.message},
          {"remedy", error.remedy}};
}

int fail(const Error& error) {
  say({{"error", as_json(error)}});
  return 1;
}

// What is confirmed, and whether the reports came as log.h promises them.
class Confirmed {
 public:
  Status take(kafka::LogWriter& writer, milliseconds at_most) {
    offsets_.clear();
    WALBRIDGE_TRY(writer.reports(at_most, offsets_));
    for (const std::int64_t offset : offsets_) {
      if (offset <= last_) rising_ = false;
      last_ = offset;
      ++count_;
    }
    worst_ms_ = std::max(worst_ms_, writer.unreachable_ms());
    if (Steady::now() - said_ > kSayAfter) {
      said_ = Steady::now();
      json line = {{"confirmed", count_}, {"unreachable_ms", writer.unreachable_ms()}};
      if (const auto trouble = writer.trouble()) line["trouble"] = as_json(*trouble);
      say(line);
    }
    return {};
  }
  std::int64_t count() const { return count_; }
  json summary() const {
    return {{"confirmed", count_}, {"last_offset", last_}, {"rising", rising_}, {"worst_unreachable_ms", worst_ms_}};
  }

 private:
  std::vector<std::int64_t> offsets_;
  std::int64_t count_ = 0;
  std::int64_t last_ = -1;
  std::int64_t worst_ms_ = 0;
  bool rising_ = true;
  Steady::time_point said_{};
};

int publish(const config::Kafka& settings, std::int64_t count, std::size_t size, double per_second) {
  auto opened = kafka::open_writer(settings, kafka::Topic::Changes, kQueueBytes);
  if (!opened) return fail(opened.error());
  kafka::LogWriter& writer = **opened;
  Confirmed confirmed;
  const auto began = Steady::now();
  Status outcome;
  for (std::int64_t written = 0; outcome && confirmed.count() < count;) {
    const double seconds = std::chrono::duration<double>(Steady::now() - began).count();
    if (written < count && static_cast<double>(written) < seconds * per_second) {
      std::string value = std::to_string(written) + ":";
      value.resize(std::max(size, value.size()), 'x');
      const auto taken = writer.write({{"n", std::to_string(written)}}, value);
      if (!taken) {
        outcome = taken.error();
      } else if (*taken) {
        ++written;
        outcome = written % 64 == 0 ? confirmed.take(writer, milliseconds(0)) : Status();
        continue;
      }
    }
    if (outcome) outcome = confirmed.take(writer, kStep);
  }
  json end = {{"end", confirmed.summary()}, {"seconds", std::chrono::duration<double>(Steady::now() - began).count()}};
  if (!outcome) end["error"] = as_json(outcome.error());
  end["unconfirmed_bytes"] = writer.unconfirmed_bytes();
  say(end);
  return outcome ? 0 : 1;
}

int read(const config::Kafka& settings, std::int64_t from, std::int64_t count) {
  auto opened = kafka::open_reader(settings, kafka::Topic::Changes);
  if (!opened) return fail(opened.error());
  kafka::LogReader& reader = **opened;
  std::int64_t at = from;
  std::int64_t bytes = 0;
  bool seeked = false;
  bool at_end = false;
  const auto began = Steady::now();
  for (std::int64_t found = 0; found < count;) {
    Status outcome = seeked ? Status() : reader.seek(at);
    if (outcome) {
      seeked = true;
      const auto record = reader.next();
      if (!record) {
        outcome = record.error();
      } else if (*record) {
        if ((*record)->offset != at) return fail({Verdict::Operator, "skipped", "an offset was skipped", "", {}});
        ++at;
        ++found;
        bytes += static_cast<std::int64_t>((*record)->value.size());
      } else {
        if (reader.at_end() != at_end)
          say({{"at_end", at_end = reader.at_end()}, {"next", at}, {"known_end", reader.known_end()}});
        reader.wait(milliseconds(500), true);
      }
    }
    if (outcome) continue;
    say({{"error", as_json(outcome.error())}, {"next", at}});
    if (outcome.error().verdict != Verdict::Retry) return 1;
    seeked = false;
    std::this_thread::sleep_for(kStep);
  }
  say({{"end", {{"next", at}, {"bytes", bytes}}},
       {"seconds", std::chrono::duration<double>(Steady::now() - began).count()}});
  return 0;
}

int check(const config::Kafka& settings) {
  json all = json::array();
  for (const Finding& finding : kafka::check_topics(settings)) {
    all.push_back({{"severity", to_string(finding.severity)},
                   {"code", finding.code},
                   {"subject", finding.subject},
                   {"message", finding.message},
                   {"fix", finding.fix}});
  }
  say({{"findings", all}});
  return 0;
}

int drive(const config::Kafka& settings, const std::vector<std::string>& words) {
  if (words[0] == "publish" && words.size() == 4) {
    return publish(settings, std::stoll(words[1]), std::stoull(words[2]), std::stod(words[3]));
  }
  if (words[0] == "read" && words.size() == 3) return read(settings, std::stoll(words[1]), std::stoll(words[2]));
  if (words[0] == "check") return check(settings);
  if (words[0] == "ensure") {
    const auto outcome = kafka::ensure_topics(settings);
    if (!outcome) return fail(outcome.error());
    say({{"ensured", true}});
    return 0;
  }
  if (words[0] == "largest") {
    const auto largest = kafka::largest_value(settings);
    if (!largest) return fail(largest.error());
    say({{"largest", *largest}});
    return 0;
  }
  if (words[0] == "range") {
    auto opened = kafka::open_reader(settings, kafka::Topic::Changes);
    if (!opened) return fail(opened.error());
    const auto range = (*opened)->range();
    if (!range) return fail(range.error());
    say({{"low", range->low}, {"next", range->next}});
    return 0;
  }
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  log::configure(log::Level::Debug, log::Format::Text);
  const auto loaded = config::load_file(argv[1], config::process_environment());
  const auto* config = std::get_if<config::Config>(&loaded);
  if (config == nullptr || !config->kafka) {
    for (const auto& problem : std::get<std::vector<config::Problem>>(loaded)) {
      std::fprintf(stderr, "%s\n", config::describe(problem).c_str());
    }
    return 2;
  }
  return drive(*config->kafka, {argv + 2, argv + argc});
}
