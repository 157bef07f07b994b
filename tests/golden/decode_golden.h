// The dump lines of recorded messages: shared by the test that compares them and the program that writes them.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "pipeline/api/arena.h"
#include "source-pg/pgoutput.h"
#include "tests/golden/message_dump.h"

namespace walbridge::golden {

inline std::vector<std::string> decode_and_dump(const std::vector<std::string>& wire) {
  std::vector<std::string> lines;
  Arena arena;
  for (const std::string& payload : wire) {
    const auto message = source_pg::pgoutput::decode(payload, arena);
    std::istringstream text(message ? dump(*message) : "error " + message.error().message);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
  }
  return lines;
}

}  // namespace walbridge::golden
