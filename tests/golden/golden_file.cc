#include "tests/golden/golden_file.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

namespace walbridge::golden {
namespace {

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  throw std::runtime_error("not a hexadecimal digit");
}

std::string to_hex(const std::string& bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

}  // namespace

std::string from_hex(const std::string& hex) {
  if (hex.size() % 2 != 0) throw std::runtime_error("odd number of hexadecimal digits");
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(nibble(hex[i]) * 16 + nibble(hex[i + 1]));
  }
  return bytes;
}

GoldenFile read_golden(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  GoldenFile golden;
  std::vector<std::string> wire;
  std::vector<std::string>* section = nullptr;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("# ")) {
      golden.purpose = line.substr(2);
    } else if (line == "sql:") {
      section = &golden.sql;
    } else if (line == "wire:") {
      section = &wire;
    } else if (line == "dump:") {
      section = &golden.dump;
    } else if (section != nullptr && line.starts_with("  ")) {
      section->push_back(line.substr(2));
    } else {
      throw std::runtime_error("not a golden: " + path.string() + ": " + line);
    }
  }
  for (const std::string& hex : wire) golden.wire.push_back(from_hex(hex));
  if (golden.wire.empty() || golden.dump.empty()) throw std::runtime_error("empty golden: " + path.string());
  return golden;
}

void write_golden(const std::filesystem::path& path, const GoldenFile& golden) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::trunc);
  out << "# " << golden.purpose << "\nsql:\n";
  for (const std::string& line : golden.sql) out << "  " << line << '\n';
  out << "wire:\n";
  for (const std::string& bytes : golden.wire) out << "  " << to_hex(bytes) << '\n';
  out << "dump:\n";
  for (const std::string& line : golden.dump) out << "  " << line << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::vector<std::filesystem::path> find_goldens(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".golden") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace walbridge::golden
