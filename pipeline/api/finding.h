// One result of the preflight: what was looked at, how bad it is, and the exact statement or setting that mends it.
#pragma once

#include <string>

namespace walbridge {

struct Finding {
  enum class Severity { Ok, Warning, Error };
  Severity severity = Severity::Ok;
  std::string code;     // stable, kebab-case: "wal-level", "replica-identity"
  std::string subject;  // "source", "sink main", "public.orders"
  std::string message;
  std::string fix;  // SQL, setting or command; empty when nothing needs doing
};

const char* to_string(Finding::Severity severity);

}  // namespace walbridge
