// `source`, and secrets.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "config/address.h"
#include "config/secret_file.h"
#include "config/sections.h"

namespace walbridge::config {
namespace {

constexpr std::size_t kLongestName = 63;

// `name` may hold a dash, what Postgres calls a slot may not.
std::string as_slot_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

void read_publication(const Field& field, Source& source) {
  const bool map = field.is_map();
  if (map) field.check_map();
  const Field name = map ? field.child("name") : field;
  if (const auto value = name.text()) {
    if (value->size() > kLongestName) {
      name.problem("a publication's name has at most 63 bytes");
    } else {
      source.publication = *value;
    }
  }
  if (const auto create = map ? field.child("create").boolean() : std::nullopt) source.create_publication = *create;
}

}  // namespace

std::optional<Secret> read_secret(const Field& field, bool may_be_empty, std::string* file_path) {
  if (!field.is_map()) {
    auto value = may_be_empty ? field.text_or_empty() : field.text();
    if (!value) return std::nullopt;
    return Secret(*std::move(value));
  }
  if (!field.check_secret_map()) return std::nullopt;
  const Field file = field.required("file", "write the secret itself, or { file: PATH }");
  const auto written = file.text();
  if (!written) return std::nullopt;
  const std::filesystem::path path = std::filesystem::path(field.reading().folder) / *written;
  auto read = read_secret_file(path.string());
  if (auto* fault = std::get_if<SecretFileProblem>(&read)) {
    file.problem(std::move(fault->message));
    return std::nullopt;
  }
  if (file_path != nullptr) *file_path = path.string();
  return std::get<Secret>(std::move(read));
}

void read_source(const Field& root, Config& config) {
  config.source.slot = as_slot_name(config.name);
  config.source.publication = config.source.slot;
  const Field field = root.child("source");
  config.source.place.line = field.line();
  if (!field.present() && config.kafka && !config.publishes()) return;
  if (!field.check_map()) return;
  const Field url = field.required("url", "write the direct connection string, e.g. ${DATABASE_URL}");
  if (auto secret = read_secret(url, false)) {
    if (auto fault = source_address_fault(secret->reveal())) url.problem(*std::move(fault));
    config.source.url = *std::move(secret);
  }
  if (auto slot = field.child("slot").word("a slot's name", false)) config.source.slot = *std::move(slot);
  read_publication(field.child("publication"), config.source);
  if (const auto triggers = field.child("event_triggers").boolean()) config.source.event_triggers = *triggers;
}

}  // namespace walbridge::config
