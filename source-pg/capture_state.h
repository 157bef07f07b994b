// What of walbridge's event triggers is at the source, as one look at its catalog: no privilege is needed for most of
// it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/api/result.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

struct CaptureState {
  struct Trigger {
    std::string name;
    char enabled = 'D';  // 'A': always
  };
  struct Trouble {
    std::string problem;
    std::string fix;
  };
  std::string role;
  bool superuser = false;
  bool neon = false;
  bool may_create = false;        // a schema in this database
  bool may_trigger = false;       // event triggers, as far as its memberships say
  bool schema = false;            // there is a schema walbridge …
  bool marked = false;            // … that says it is ours …
  bool owned = false;             // … whose owner, and that of all in it, is this role or a superuser
  bool mine = false;              // … is this role
  bool switched_on = true;        // event_triggers (17+)
  std::string functions;          // checksum of what is installed
  std::vector<Trigger> triggers;  // those that call walbridge.on_ddl(), by name

  bool readable = false;  // whose it is: the rest is known
  int version = 0;
  std::string source;
  std::string token;
  std::string checksum;

  // A schema of the name that is not ours, or that somebody else could turn against this role.
  bool foreign() const { return schema && (!marked || !owned); }
  // Installed by this version of walbridge, or a newer one.
  bool current() const;
  // What keeps an install from working; none: nothing that the catalog shows.
  std::optional<Trouble> broken() const;
  // Whether this role can replace what is there without the privilege for event triggers.
  bool may_mend() const { return mine && triggers.size() == 3; }
};

Result<CaptureState> read_capture_state(Connection& connection);

std::string foreign_problem(const CaptureState& state);
std::string foreign_fix(const CaptureState& state);

}  // namespace walbridge::source_pg
