// A whole file, up to a limit, or why not. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

namespace walbridge::config {

struct FileFault {
  std::string reason;  // "No such file or directory"
};

std::variant<std::string, FileFault> read_text_file(const std::string& path, std::size_t largest);

}  // namespace walbridge::config
