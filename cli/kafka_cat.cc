// `kafka cat`: the records of the topic, one line each, or everything in them as JSON lines.
#include <algorithm>
#include <chrono>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "pipeline/kafka/event_codec.h"
#include "pipeline/kafka/open.h"
#include "pipeline/kafka/record.h"

namespace walbridge::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::chrono::milliseconds kPause{500};

// "start", "end", or an offset; a number below zero counts from the end.
Result<std::int64_t> first_offset(const std::string& from, const kafka::LogRange& range) {
  if (from == "start") return range.low;
  if (from == "end") return range.next;
  try {
    std::size_t read = 0;
    const auto offset = std::stoll(from, &read);
    if (read == from.size()) return offset < 0 ? std::max<std::int64_t>(range.low, range.next + offset) : offset;
  } catch (const std::logic_error&) {
    // said below
  }
  return Error{Verdict::Operator, "usage", "--from is `start`, `end` or a record's offset, not " + from, {}, {}};
}

ordered_json head_json(const kafka::LogRecord& record, const kafka::RecordHead& head) {
  ordered_json json{{"offset", record.offset},
                    {"kind", to_string(head.kind)},
                    {"from", to_string(head.from)},
                    {"to", to_string(head.to)},
                    {"commit_time", head.committed_at ? ordered_json(to_iso(head.committed_at)) : nullptr},
                    {"stream", head.stream},
                    {"writer", head.writer},
                    {"epoch", head.epoch},
                    {"source", head.source_id},
                    {"bytes", record.value.size()}};
  if (head.request != 0) json["request"] = head.request;
  if (head.kind == kafka::RecordKind::Part) json["part"] = head.part;
  if (head.last) json["last"] = true;
  if (head.slices > 1) json["slice"] = {head.slice, head.slices};
  return json;
}

class Printer {
 public:
  Printer(bool json, std::string topic) : json_(json), topic_(std::move(topic)) {}

  // An error is about one record; the next may be read.
  Status print(const kafka::LogRecord& record) {
    WALBRIDGE_TRY_AS(const kafka::RecordHead head, head_of(record, topic_));
    if (!json_) {
      std::cout << fmt::format("{:>10}  {:<8}  {} .. {}  {:>8} bytes  {}", record.offset, to_string(head.kind),
                               to_string(head.from), to_string(head.to), record.value.size(),
                               head.committed_at ? to_iso(head.committed_at) : "");
      if (head.kind == kafka::RecordKind::Part) std::cout << "  part " << head.part << (head.last ? " (last)" : "");
      if (head.slices > 1) std::cout << "  slice " << head.slice + 1 << " of " << head.slices;
      std::cout << std::endl;
      return Done{};
    }
    auto json = head_json(record, head);
    const bool events = head.kind == kafka::RecordKind::Block || head.kind == kafka::RecordKind::Part;
    if (head.slices > 1) {
      if (head.slice == 0) value_.clear();
      value_.append(record.value);
    }
    if (events && head.slice + 1 == head.slices) {
      WALBRIDGE_TRY_AS(const std::string text, kafka::events_as_json(head.slices > 1 ? value_ : record.value));
      json["events"] = ordered_json::parse(text, nullptr, false);
    }
    std::cout << json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << std::endl;
    return Done{};
  }

 private:
  const bool json_;
  const std::string topic_;
  std::string value_;  // of slices so far
};

}  // namespace

int kafka_cat(const config::Config& config, const KafkaCatOptions& options) {
  if (!config.kafka) {
    std::cerr << "error: " << config.file << " has no `kafka` section\n";
    return kUsage;
  }
  auto reader = kafka::open_reader(*config.kafka, kafka::Topic::Changes);
  if (!reader) return fail(reader.error());
  const auto range = (*reader)->range();
  if (!range) return fail(range.error());
  const auto from = first_offset(options.from, *range);
  if (!from) {
    fail(from.error());
    return kUsage;
  }
  if (*from == range->next && !options.follow) return kDone;
  if (auto sought = (*reader)->seek(*from); !sought) {
    if (sought.error().verdict == Verdict::Gap) sought.error().remedy = "choose one of those with --from";
    return fail(sought.error());
  }
  Printer printer(options.json, config.kafka->topic);
  std::uint64_t printed = 0;
  bool foreign = false;
  while (options.count == 0 || printed < options.count) {
    auto record = (*reader)->next();
    if (!record) return fail(record.error());
    if (!*record) {
      if (!options.follow && (*reader)->at_end()) break;
      (*reader)->wait(kPause, true);
      continue;
    }
    ++printed;
    if (auto done = printer.print(**record); !done) {
      foreign = true;
      fail(done.error());
    }
    if (!options.follow && (*record)->offset + 1 >= range->next) break;
  }
  return foreign ? kFoundSomething : kDone;
}

}  // namespace walbridge::cli
