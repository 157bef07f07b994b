// What went wrong, who must act, and what to do. An error is returned or handled, never logged and
// forgotten. Invariant I7: `message` and `remedy` hold no row value and no secret.
#pragma once

#include <string>

namespace walbridge {

enum class Verdict {
  Retry,      // passes by itself: connection lost, busy, 5xx
  Operator,   // no retry can help; anything unknown lands here
  PoisonRow,  // one table's rows cannot be mapped or applied: stop that table, others go on
  Gap,        // the source can no longer give what this cache needs (I6): resync
};

struct Error {
  Verdict verdict = Verdict::Operator;
  std::string code;     // SQLSTATE, SQLite or HTTP code as given, or a short name of ours ("config")
  std::string message;  // what failed and where, lower case, no final stop
  std::string remedy;   // what the operator does about it; empty for Retry
  std::string table{};  // the cache table it concerns, when it concerns just one
};

const char* to_string(Verdict verdict);

// "message (code); remedy" on one line, for a terminal or a log.
std::string describe(const Error& error);

}  // namespace walbridge
