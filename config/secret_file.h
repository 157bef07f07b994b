// A secret kept in a file of its own: `{ file: PATH }`. Also for a sink that reads its token again after the server
// refused it. Reads at most 64 KiB, trims line ends at the end; the content never reaches a message. Any thread.
#pragma once

#include <string>
#include <variant>

#include "config/secret.h"

namespace walbridge::config {

struct SecretFileProblem {
  std::string message;  // names the path and the reason
};

std::variant<Secret, SecretFileProblem> read_secret_file(const std::string& path);

}  // namespace walbridge::config
