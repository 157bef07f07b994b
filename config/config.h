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
  bool event_triggers = true;      // install them where the role may; false: look at the catalog every few seconds
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

// What of a value a cache may hold. All but Hmac make different values alike.
enum class Mask { None, Null, Redact, Sha256, HmacSha256, Truncate, KeepLast, EmailDomain };

// What a rule says about one column; `type` names an encoding (config/encodings.h).
struct ColumnRule {
  std::optional<std::string> as;    // name in the cache
  std::optional<std::string> type;  // encoding alternative
  std::optional<Mask> mask;
  Secret mask_key;                        // HmacSha256
  std::optional<std::uint32_t> keep;      // KeepLast, mask: truncate: characters
  std::optional<std::uint32_t> truncate;  // to so many characters; no secret is meant by it
  std::optional<bool> order_key;          // adds <name>__ord, which sorts as Postgres does
  Place place;
};

// A column that SQLite computes when it is read.
struct ComputedRule {
  std::string name;
  std::string type;  // declared type
  std::string sql;   // SQLite expression over the cache's columns
  Place place;
};

// An index that only the cache has. Exactly one of columns, vector, fts.
struct IndexRule {
  std::string name;                  // empty: made from the table and the columns
  std::vector<std::string> columns;  // cache columns, each possibly with " desc"
  std::string where;                 // SQLite expression; empty: all rows
  bool unique = false;
  std::string vector;  // cache column
  std::string metric;  // "cosine" | "l2"
  std::vector<std::string> fts;
  Place place;
};

// What becomes of the cache when the source's schema changes. A rule may say it for its tables.
enum class KeepOrDrop { Keep, Drop };
enum class OnTruncate { Apply, Ignore };
enum class OnRewrite { Recopy, Stop };
struct OnDdl {
  KeepOrDrop drop_table = KeepOrDrop::Keep;
  KeepOrDrop drop_column = KeepOrDrop::Drop;
  OnTruncate truncate = OnTruncate::Apply;
  OnRewrite rewrite = OnRewrite::Recopy;
};

// Which of Postgres' constraints the cache repeats. Foreign keys never.
enum class UniqueAs { Index, Enforce };
struct Constraints {
  bool not_null = false;
  UniqueAs unique = UniqueAs::Index;
};

struct Rule {
  std::string match;                          // glob over "schema.table"
  std::optional<std::string> as;              // may hold {schema} and {table}
  std::vector<std::string> only;              // globs over column names; empty: all
  std::vector<std::string> omit;              // globs over column names
  std::vector<std::string> key;               // source column names
  std::map<std::string, std::string> types;   // like Config::types, for the matched tables
  std::map<std::string, ColumnRule> columns;  // by source column name
  std::optional<std::string> where;           // Postgres expression over the source's columns: only these rows
  std::vector<ComputedRule> computed;
  std::vector<IndexRule> indexes;
  std::optional<bool> append;               // mode: append; rows are only ever added
  std::optional<std::string> soft_delete;   // delete: { soft: COLUMN }; empty: hard
  std::optional<KeepOrDrop> on_drop_table;  // on_ddl, each on its own
  std::optional<KeepOrDrop> on_drop_column;
  std::optional<OnTruncate> on_truncate;
  std::optional<OnRewrite> on_rewrite;
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
  std::uint32_t workers = 2;            // COPY connections
  std::uint32_t backfill_rows = 5'000;  // of a table that is copied while the stream goes on, at a time
};

struct Limits {
  std::uint64_t buffer_bytes = 16ULL << 20;  // changes held in memory between the stream and all caches
  std::uint32_t slow_sink_seconds = 10;      // a cache that takes nothing for so long no longer holds up the others
};

// Kafka between the source and the caches. Without the section: none.
enum class KafkaRole {
  Publish,  // source -> topic; needs no sink
  Apply,    // topic -> caches; needs no source
  Both,     // in one process
};
enum class OnGap { Stop, Resync };
struct Kafka {
  std::string brokers;  // host:port,…
  std::string topic;
  std::string control_topic;  // requests of appliers; default: topic + ".control"
  KafkaRole role = KafkaRole::Both;
  std::string compression = "lz4";           // lz4 | zstd | gzip | snappy | none
  bool create_topic = true;                  // make missing topics …
  std::uint32_t replicas = 0;                // … with so many replicas; 0: 3, or as many as there are brokers
  bool allow_single_replica = false;         // a topic that one broker's loss destroys is not an error of `check`
  OnGap on_gap = OnGap::Stop;                // Apply, Both: when changes are gone, exit 4, or copy every table again
  std::map<std::string, Secret> properties;  // librdkafka's own, except those walbridge owns
  Place place;
};

struct Config {
  std::string file;  // as given, for messages
  int version = 1;
  std::string name = "walbridge";  // names slot, publication and checkpoint stream
  Source source;
  std::vector<Sink> sinks;  // at least one, none for kafka.role publish; a single `sink:` is named "main"
  TableFilter tables;
  Profile profile = Profile::Default;
  Naming naming;
  std::map<std::string, std::string> types;  // "numeric" or "numeric(18,8)" -> encoding
  Specials specials = Specials::Text;
  UnknownTypes unknown_types = UnknownTypes::Text;
  std::vector<Rule> rules;  // every rule that matches applies; later wins, per key
  OnDdl on_ddl;
  Constraints constraints;
  bool clients_int8_number = false;  // clients.int8: number
  Admin admin;
  Log log;
  Snapshot snapshot;
  Limits limits;
  std::optional<Kafka> kafka;

  bool publishes() const { return kafka && kafka->role != KafkaRole::Apply; }
  bool applies() const { return !kafka || kafka->role != KafkaRole::Publish; }
};

}  // namespace walbridge::config
