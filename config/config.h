// Every setting, typed and validated, with its default and its unit. Made only by config/load.h; immutable
// afterwards; knows nobody. The reference for users is docs/configuration.md; a test compares both.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/secret.h"

namespace walbridge::config {

// Where a setting stands in the file, for errors found later than parsing (an unmappable type, a collision).
struct Place {
  int line = 0;  // 1-based; 0: a default or an override
};

struct Source {
  Secret url;                      // libpq URL or keyword string; may hold a password
  std::string slot;                // default: `name`
  std::string publication;         // default: `name`
  bool create_publication = true;  // publication: { name, create }
  Place place;
};

// `include`/`exclude` globs (`*`, `?`) over "schema.table". Exclude wins.
struct TableFilter {
  std::vector<std::string> include;
  std::vector<std::string> exclude;
};

enum class Durability { Normal, Full };  // SQLite's synchronous; Full survives power loss at every commit

struct Sink {
  std::string name;             // metric label, unique
  std::string url;              // file:PATH | libsql://HOST | https://HOST | http://HOST:PORT, no secret inside
  Secret auth_token;            // empty: none
  std::string auth_token_file;  // read again when the server refuses the token; empty: none
  Durability durability = Durability::Normal;  // local files
  std::optional<TableFilter> tables;           // narrows the global one
  std::uint32_t batch_rows = 0;                // 0: the sink's own default
  Place place;
};

// An encoding chosen by name for a Postgres type or a column, e.g. {"numeric(18,8)", "integer_scaled"}.
struct ColumnRule {
  std::optional<std::string> as;    // name in the cache
  std::optional<std::string> type;  // encoding alternative
  Place place;
};

struct Rule {
  std::string match;                          // glob over "schema.table"
  std::optional<std::string> as;              // may hold {schema} and {table}
  std::vector<std::string> only;              // globs over column names; empty: all
  std::vector<std::string> omit;              // globs over column names
  std::vector<std::string> key;               // source column names
  std::map<std::string, std::string> types;   // like Config::types, for the matched tables
  std::map<std::string, ColumnRule> columns;  // by source column name
  Place place;
};

struct Naming {
  std::string table = "{schema}_{table}";
  std::vector<std::string> drop_schema = {"public"};
};

enum class Profile { Default, Drizzle, Prisma, Rails, Django, SqlAlchemy };
enum class UnknownTypes { Text, Omit, Error };
enum class Specials { Text, Null, Clamp, Error };  // NaN and infinities

struct Admin {
  std::string listen = "127.0.0.1:9630";  // empty: off
  double ready_max_lag_seconds = 60;      // above it /readyz is red
};

enum class LogLevel { Debug, Info, Warn, Error };
enum class LogFormat { Text, Json };

struct Log {
  LogLevel level = LogLevel::Info;
  LogFormat format = LogFormat::Text;
};

struct Snapshot {
  std::uint32_t workers = 2;  // COPY connections
};

struct Limits {
  std::uint64_t buffer_bytes = 16ULL << 20;  // changes held in memory between the stream and all caches
  std::uint32_t slow_sink_seconds = 10;      // a cache that takes nothing for so long no longer holds up the others
};

struct Config {
  std::string file;  // as given, for messages
  int version = 1;
  std::string name = "walbridge";  // names slot, publication and checkpoint stream
  Source source;
  std::vector<Sink> sinks;  // at least one; a single `sink:` is named "main"
  TableFilter tables;
  Profile profile = Profile::Default;
  Naming naming;
  std::map<std::string, std::string> types;  // "numeric" or "numeric(18,8)" -> encoding
  Specials specials = Specials::Text;
  UnknownTypes unknown_types = UnknownTypes::Text;
  std::vector<Rule> rules;  // every rule that matches applies; later wins, per key
  Admin admin;
  Log log;
  Snapshot snapshot;
  Limits limits;
};

}  // namespace walbridge::config
