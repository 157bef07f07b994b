// `sink` and `sinks`.
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "config/address.h"
#include "config/sections.h"

namespace walbridge::config {
namespace {

constexpr auto kDurabilities = std::to_array<std::string_view>({"normal", "full"});  // order of Durability
constexpr std::int64_t kMostBatchRows = 1000000;

Sink read_sink(const Field& field, bool named) {
  Sink sink;
  sink.name = named ? "" : "main";
  sink.place.line = field.line();
  if (!field.check_map()) return sink;
  const Field name = named ? field.required("name", "each of `sinks` has a name of its own") : field.child("name");
  if (auto word = name.word("a cache's name", true)) sink.name = *std::move(word);

  const Field url = field.required("url", "use file:PATH, libsql://HOST, https://HOST or http://HOST:PORT");
  if (auto address = url.text()) {
    if (auto fault = cache_address_fault(*address)) {
      url.problem(*std::move(fault));
    } else {
      sink.url = *std::move(address);
    }
  }
  if (auto token = read_secret(field.child("auth_token"), true, &sink.auth_token_file)) {
    sink.auth_token = *std::move(token);
  }
  const Field durability = field.child("durability");
  if (const auto at = durability.choice(kDurabilities)) {
    sink.durability = static_cast<Durability>(*at);
    if (!sink.url.empty() && !is_local_cache(sink.url))
      durability.problem("is for file: caches only; a server decides for itself");
  }
  if (const Field tables = field.child("tables"); tables.present()) sink.tables = read_table_filter(tables);
  if (const auto rows = field.child("batch_rows").integer(0, kMostBatchRows)) {
    sink.batch_rows = static_cast<std::uint32_t>(*rows);
  }
  return sink;
}

// Two lanes into one database would fight over its checkpoint.
void refuse_doubles(const std::vector<Field>& fields, const std::vector<Sink>& sinks) {
  std::map<std::string, std::size_t> names;
  std::map<std::string, std::size_t> addresses;
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    const Field name = fields[i].child("name");
    const auto [same_name, new_name] = names.emplace(sinks[i].name, i);
    if (!new_name && !sinks[i].name.empty())
      name.problem(fmt::format("is the name of sinks[{}] already", same_name->second));
    if (sinks[i].url.empty()) continue;
    const auto [same, new_address] = addresses.emplace(cache_identity(sinks[i].url), i);
    if (!new_address) fields[i].child("url").problem(fmt::format("is the cache of sinks[{}] already", same->second));
  }
}

}  // namespace

void read_sinks(const Field& root, Config& config) {
  const Field one = root.child("sink");
  const Field many = root.child("sinks");
  if (one.present() && many.present()) {
    many.problem("stands beside `sink`; write one of the two");
    return;
  }
  if (!many.present()) {
    if (!one.present()) {
      one.problem("is missing; say where the cache is, e.g. sink: { url: \"file:cache.db\" }");
      return;
    }
    config.sinks.push_back(read_sink(one, false));
    return;
  }
  const std::size_t before = root.reading().problems.size();
  const std::vector<Field> fields = many.items();
  for (const Field& field : fields) config.sinks.push_back(read_sink(field, true));
  if (fields.empty() && root.reading().problems.size() == before) many.problem("must list at least one cache");
  refuse_doubles(fields, config.sinks);
}

}  // namespace walbridge::config
