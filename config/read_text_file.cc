#include "config/read_text_file.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include <fmt/format.h>

namespace walbridge::config {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

FileFault fault_of(int code) { return {std::generic_category().message(code)}; }

}  // namespace

std::variant<std::string, FileFault> read_text_file(const std::string& path, std::size_t largest) {
  if (path.find('\0') != std::string::npos) return FileFault{"the path holds a NUL character"};
  errno = 0;
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return fault_of(errno);
  std::string text(largest + 1, '\0');
  const std::size_t got = std::fread(text.data(), 1, text.size(), file.get());
  if (std::ferror(file.get()) != 0) return fault_of(errno);
  if (got > largest) return FileFault{fmt::format("it is larger than {} KiB", largest / 1024)};
  text.resize(got);
  return text;
}

}  // namespace walbridge::config
