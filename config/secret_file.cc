#include "config/secret_file.h"

#include <utility>

#include <fmt/format.h>

#include "config/read_text_file.h"

namespace walbridge::config {
namespace {

constexpr std::size_t kLargestSecret = 64 * 1024;

}  // namespace

std::variant<Secret, SecretFileProblem> read_secret_file(const std::string& path) {
  auto read = read_text_file(path, kLargestSecret);
  if (const auto* fault = std::get_if<FileFault>(&read)) {
    return SecretFileProblem{fmt::format("the secret file {} cannot be read: {}", path, fault->reason)};
  }
  std::string text = std::get<std::string>(std::move(read));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) return SecretFileProblem{fmt::format("the secret file {} is empty", path)};
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return SecretFileProblem{fmt::format("the secret file {} must hold one line without control characters", path)};
    }
  }
  return Secret(std::move(text));
}

}  // namespace walbridge::config
