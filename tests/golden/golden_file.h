// A golden: the SQL that was run on a server, the messages it sent as hex, and what they decode to.
//   # one line that says what it pins
//   sql:   the script, indented by two spaces
//   wire:  one message per line, in hex
//   dump:  as message_dump prints them
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace walbridge::golden {

struct GoldenFile {
  std::string purpose;
  std::vector<std::string> sql;
  std::vector<std::string> wire;  // bytes
  std::vector<std::string> dump;
};

// Throws std::runtime_error on a file that is not one: a broken golden must fail its test.
GoldenFile read_golden(const std::filesystem::path& path);
void write_golden(const std::filesystem::path& path, const GoldenFile& golden);

std::vector<std::filesystem::path> find_goldens(const std::filesystem::path& folder);

std::string from_hex(const std::string& hex);

}  // namespace walbridge::golden
