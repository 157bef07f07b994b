#include "pipeline/kafka/record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>

namespace walbridge::kafka {
namespace {

constexpr std::array kKinds = {RecordKind::Start,    RecordKind::Block, RecordKind::Part,
                               RecordKind::Progress, RecordKind::Chunk, RecordKind::Answer};
constexpr std::size_t kLongestId = 64;
constexpr std::string_view kYes = "1";

bool answers(RecordKind kind) { return kind == RecordKind::Chunk || kind == RecordKind::Answer; }

bool is_id(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  };
  return !text.empty() && text.size() <= kLongestId && std::all_of(text.begin(), text.end(), allowed);
}

// Reads headers by name; the first one that is missing, double or malformed is remembered.
class HeaderCursor {
 public:
  explicit HeaderCursor(const Headers& headers) : headers_(headers) {}

  const std::optional<std::string>& wrong() const { return wrong_; }
  void refuse(std::string_view name, std::string_view what) {
    if (!wrong_) wrong_ = fmt::format("its header `{}` {}", name, what);
  }

  const std::string* find(std::string_view name) {
    const std::string* found = nullptr;
    for (const auto& [key, value] : headers_) {
      if (key != name) continue;
      if (found != nullptr) refuse(name, "is there twice");
      found = &value;
    }
    return found;
  }
  std::string text(std::string_view name) {
    const std::string* const found = find(name);
    if (found == nullptr) return refuse(name, "is missing"), std::string();
    return *found;
  }
  std::string id(std::string_view name) {
    std::string found = text(name);
    if (!is_id(found)) refuse(name, "is no id");
    return found;
  }
  Lsn position(std::string_view name) {
    const auto found = parse_lsn(text(name));
    if (!found) refuse(name, "is no position");
    return found.value_or(Lsn{});
  }
  template <class T>
  T number(std::string_view name) {
    const auto found = parse<T>(text(name));
    if (!found) refuse(name, "is no number");
    return found.value_or(T{});
  }
  bool flag(std::string_view name) {
    const std::string* const found = find(name);
    if (found != nullptr && *found != kYes) refuse(name, "is not 1");
    return found != nullptr;
  }
  void slice(RecordHead& head) {
    const std::string* const found = find("slice");
    if (found == nullptr) return;
    const auto slash = std::min(found->find('/'), found->size() - 1);
    const auto index = parse<std::uint32_t>(std::string_view(*found).substr(0, slash));
    const auto count = parse<std::uint32_t>(std::string_view(*found).substr(slash + 1));
    if (!index || !count || *index >= *count) return refuse("slice", "is not one of several");
    head.slice = *index;
    head.slices = *count;
  }

 private:
  template <class T>
  static std::optional<T> parse(std::string_view text) {
    T parsed{};
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, parsed);
    if (failure != std::errc{} || stop != end) return std::nullopt;
    return parsed;
  }

  const Headers& headers_;
  std::optional<std::string> wrong_;
};

Error foreign(const LogRecord& record, std::string_view what) {
  return {Verdict::Operator,
          "kafka-foreign-record",
          fmt::format("the record at offset {} of the topic is not one that walbridge wrote: {}", record.offset, what),
          "give walbridge a topic of its own, and keep other programs from writing into it",
          {}};
}

}  // namespace

const char* to_string(RecordKind kind) {
  switch (kind) {
    case RecordKind::Start:
      return "start";
    case RecordKind::Block:
      return "block";
    case RecordKind::Part:
      return "part";
    case RecordKind::Progress:
      return "progress";
    case RecordKind::Chunk:
      return "chunk";
    case RecordKind::Answer:
      return "answer";
  }
  return "block";
}

Headers to_headers(const RecordHead& head) {
  Headers headers = {{"wb", std::to_string(kFormatVersion)},
                     {"k", to_string(head.kind)},
                     {"s", head.stream},
                     {"w", head.writer},
                     {"e", std::to_string(head.epoch)},
                     {"o", head.source_id},
                     {"p", to_string(head.from)},
                     {"l", to_string(head.to)},
                     {"t", std::to_string(head.committed_at.micros)}};
  if (answers(head.kind)) headers.emplace_back("q", std::to_string(head.request));
  if (head.kind == RecordKind::Part) headers.emplace_back("n", std::to_string(head.part));
  if (head.last) headers.emplace_back("end", kYes);
  if (head.failed) headers.emplace_back("err", kYes);
  if (head.slices > 1) headers.emplace_back("slice", fmt::format("{}/{}", head.slice, head.slices));
  return headers;
}

Result<RecordHead> head_of(const LogRecord& record) {
  HeaderCursor headers(record.headers);
  const std::string* const version = headers.find("wb");
  if (version == nullptr) return foreign(record, "it has no header `wb`");
  if (*version != std::to_string(kFormatVersion)) {
    return Error{Verdict::Operator,
                 "kafka-other-version",
                 fmt::format("the record at offset {} of the topic is of a format that this walbridge cannot read (it "
                             "reads version {})",
                             record.offset, kFormatVersion),
                 "run the same version of walbridge on both sides of the topic",
                 {}};
  }
  RecordHead head;
  const std::string kind = headers.text("k");
  const auto known = std::find_if(kKinds.begin(), kKinds.end(), [&](RecordKind one) { return kind == to_string(one); });
  if (known == kKinds.end()) return foreign(record, "its header `k` is no kind of record");
  head.kind = *known;
  head.stream = headers.id("s");
  head.writer = headers.id("w");
  head.epoch = headers.number<std::uint64_t>("e");
  head.source_id = headers.text("o");
  head.from = headers.position("p");
  head.to = headers.position("l");
  head.committed_at.micros = headers.number<std::int64_t>("t");
  if (answers(head.kind)) head.request = headers.number<std::uint64_t>("q");
  if (head.kind == RecordKind::Part) head.part = headers.number<std::uint32_t>("n");
  head.last = headers.flag("end");
  head.failed = headers.flag("err");
  headers.slice(head);
  if (head.to < head.from) headers.refuse("l", "is before its header `p`");
  if (headers.wrong()) return foreign(record, *headers.wrong());
  return head;
}

Result<RecordHead> head_of(const LogRecord& record, const std::string& topic) {
  auto head = head_of(record);
  if (!head) head.error().message = "topic " + topic + ": " + head.error().message;
  return head;
}

}  // namespace walbridge::kafka
