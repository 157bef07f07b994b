#include "config/keys.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace walbridge::config {
namespace {

constexpr auto kKeys = std::to_array<Key>({
    {"version", "`1`", "`1`", "The version of this file's format."},
    {"name", "word", "`walbridge`",
     "Names the slot, the publication and the checkpoint row of this bridge; up to 63 of a-z, 0-9, `_` and `-`."},

    {"source.url", "secret", "required",
     "The direct (unpooled) Postgres address: `postgres://…` or a keyword string such as `host=… dbname=…`."},
    {"source.url.file", "path", "none", "A file that holds the address instead."},
    {"source.slot", "word", "`name`, with `_` for `-`", "The replication slot; up to 63 of a-z, 0-9 and `_`."},
    {"source.publication", "name or map", "`name`, with `_` for `-`", "The publication to read."},
    {"source.publication.name", "name", "`name`, with `_` for `-`", "The publication to read, in the map form."},
    {"source.publication.create", "`true`, `false`", "`true`",
     "Create the publication when it does not exist, and own it; `false` only ever uses one that is there."},
    {"source.event_triggers", "`true`, `false`", "`true`",
     "Capture schema changes with event triggers where the role may create them; `false` looks at the catalog every "
     "few seconds instead (and still hears triggers that are there, until `destroy`)."},

    {"sink.name", "word", "`main`",
     "Label of this cache in metrics, logs and status; up to 63 of a-z, 0-9, `_` and `-`; required in `sinks`."},
    {"sink.url", "address", "required",
     "Where the cache is: `file:PATH`, `libsql://HOST`, `https://HOST` or `http://HOST:PORT`; never with a secret in "
     "it."},
    {"sink.auth_token", "secret", "none", "The token for a remote cache; not used for `file:`."},
    {"sink.auth_token.file", "path", "none",
     "A file that holds the token instead; read again when the server refuses the token."},
    {"sink.durability", "`normal`, `full`", "`normal`",
     "For `file:` only. `full` survives a power loss at every commit; after one, `normal` may replay the last moments "
     "from Postgres."},
    {"sink.tables.include", "list of table globs", "`[\"*.*\"]`", "Narrows `tables.include` for this cache."},
    {"sink.tables.exclude", "list of table globs", "`[]`", "Tables this cache does not get; wins over `include`."},
    {"sink.batch_rows", "0 to 1000000", "`0`",
     "Most rows in one cache transaction that joins several source transactions; 0 is the cache's own choice."},

    {"kafka.brokers", "host:port, or a list", "required",
     "The brokers to ask first: `host:port`, several with commas between them or as a list."},
    {"kafka.topic", "topic", "required",
     "The topic of the changes; one partition, and no other writer than walbridge."},
    {"kafka.control_topic", "topic", "`topic` and `.control`",
     "The topic in which processes that apply ask the one that publishes for copies of tables."},
    {"kafka.role", "`publish`, `apply`, `both`", "`both`",
     "What this process does: the source into the topic, the topic into the caches, or both."},
    {"kafka.compression", "`lz4`, `zstd`, `gzip`, `snappy`, `none`", "`lz4`",
     "How records are compressed. `zstd` makes small transactions about a quarter smaller for a third more CPU."},
    {"kafka.create_topic", "`true`, `false`", "`true`",
     "Create the topics when they do not exist; `false` only ever uses those that are there."},
    {"kafka.replicas", "0 to 32767", "`0`",
     "Replicas of a topic that is created; 0 is three, or as many as there are brokers."},
    {"kafka.allow_single_replica", "`true`, `false`", "`false`",
     "Accept a topic whose acknowledged changes one lost broker takes away."},
    {"kafka.on_gap", "`stop`, `resync`", "`stop`",
     "When changes a cache needs are gone from the topic: stop and say so, or copy every table again."},
    {"kafka.properties.*", "secret", "none",
     "A property of librdkafka, e.g. `sasl.username`; those walbridge owns are refused."},
    {"kafka.properties.*.file", "path", "none", "A file that holds the property's value instead."},

    {"tables.include", "list of table globs", "`[\"*.*\"]`", "The tables to replicate."},
    {"tables.exclude", "list of table globs", "`[]`", "Tables to leave out; wins over `include`."},

    {"profile", "`default`, `drizzle`, `prisma`, `rails`, `django`, `sqlalchemy`", "`default`",
     "The client whose way of writing dates, decimals and UUIDs the encodings follow."},

    {"naming.table", "template", "`{schema}_{table}`",
     "Name of a table in the cache, from `{schema}` and `{table}`; must hold `{table}`."},
    {"naming.drop_schema", "list of schemas", "`[\"public\"]`", "Schemas whose tables are named by `{table}` alone."},

    {"types.*", "encoding", "by `profile`",
     "The encoding of a Postgres type: `numeric`, or `\"numeric(18,8)\"`, which is more specific and wins."},
    {"types.specials", "`text`, `\"null\"`, `clamp`, `error`", "`text`",
     "What becomes of NaN and the infinities of numbers and dates."},
    {"types.unknown", "`text`, `omit`, `error`", "`text`",
     "What becomes of columns of a type walbridge does not know."},

    {"rules[].match", "table glob", "required", "The tables the rule is for."},
    {"rules[].as", "template", "by `naming`", "The name in the cache; may hold `{schema}` and `{table}`."},
    {"rules[].only", "list of column globs", "all columns", "Carry only these columns."},
    {"rules[].omit", "list of column globs", "none", "Leave these columns out; wins over `only`."},
    {"rules[].key", "list of columns", "the primary key or replica identity",
     "The columns that identify a row; they must be unique and covered by the replica identity."},
    {"rules[].types.*", "encoding", "by `types`", "As `types`, for the tables of this rule."},
    {"rules[].columns.*.as", "name", "the source's name", "The column's name in the cache."},
    {"rules[].columns.*.type", "encoding", "by `types`", "The column's encoding."},
    {"rules[].columns.*.mask", "`\"null\"`, `redact`, `sha256`, `hmac_sha256`, `truncate`, `keep_last`, `email_domain`",
     "none", "What the cache holds instead of the value; masked columns are text."},
    {"rules[].columns.*.mask_key", "secret", "none", "The key of `hmac_sha256`."},
    {"rules[].columns.*.mask_key.file", "path", "none", "A file that holds the key instead."},
    {"rules[].columns.*.keep", "1 to 1000000", "none", "How many characters `keep_last` and `mask: truncate` leave."},
    {"rules[].columns.*.truncate", "1 to 1000000", "none", "Cut texts to so many characters."},
    {"rules[].columns.*.order_key", "`true`, `false`", "no key",
     "Add a column `<name>__ord` that sorts as Postgres sorts this one."},
    {"rules[].where", "Postgres expression", "every row", "Carry only the rows for which this is true."},
    {"rules[].computed.*.type", "declared type", "required", "The declared type of a column that SQLite computes."},
    {"rules[].computed.*.sql", "SQLite expression", "required", "Its value, from the cache's columns."},
    {"rules[].indexes", "list of indexes", "none",
     "Indexes that only the cache has: a list of columns, each with ` desc` if need be, or a map."},
    {"rules[].indexes[].name", "name", "from the table and the columns", "The index's name."},
    {"rules[].indexes[].columns", "list of columns", "none", "Its columns as the cache names them."},
    {"rules[].indexes[].where", "SQLite expression", "all rows", "Index only these rows."},
    {"rules[].indexes[].unique", "`true`, `false`", "not unique", "Refuse two equal rows."},
    {"rules[].indexes[].vector", "column", "none", "The column of a vector index, instead of `columns`."},
    {"rules[].indexes[].metric", "`cosine`, `l2`", "cosine", "How a vector index measures."},
    {"rules[].indexes[].fts", "list of columns", "none",
     "The columns of a full-text index (FTS5), instead of `columns`."},
    {"rules[].mode", "`append`, `mirror`", "every change", "`append` takes inserts only and needs no key."},
    {"rules[].delete", "`hard` or map", "the row goes", "What a delete at the source does."},
    {"rules[].delete.soft", "name", "none", "Keep deleted rows and write the time of the delete into this new column."},
    {"rules[].on_ddl.drop_table", "`keep`, `drop`", "by `on_ddl`", "As `on_ddl`, for the tables of this rule."},
    {"rules[].on_ddl.drop_column", "`drop`, `keep`", "by `on_ddl`", "As `on_ddl`, for the tables of this rule."},
    {"rules[].on_ddl.truncate", "`apply`, `ignore`", "by `on_ddl`", "As `on_ddl`, for the tables of this rule."},
    {"rules[].on_ddl.rewrite", "`recopy`, `stop`", "by `on_ddl`", "As `on_ddl`, for the tables of this rule."},

    {"on_ddl.drop_table", "`keep`, `drop`", "`keep`", "What becomes of a cache table when its table is dropped."},
    {"on_ddl.drop_column", "`drop`, `keep`", "`drop`", "What becomes of a cache column when its column is dropped."},
    {"on_ddl.truncate", "`apply`, `ignore`", "`apply`", "Whether a TRUNCATE empties the cache table."},
    {"on_ddl.rewrite", "`recopy`, `stop`", "`recopy`",
     "What happens when the rows change without row events: copy the table again, or stop it for a person to decide."},

    {"constraints.not_null", "`true`, `false`", "`false`", "Declare NOT NULL in the cache where Postgres does."},
    {"constraints.unique", "`index`, `enforce`", "`index`",
     "Make unique indexes plain ones, or unique ones that refuse a second row."},
    {"constraints.foreign_keys", "`false`", "`false`", "Foreign keys are never repeated in the cache."},

    {"clients.int8", "`bigint`, `number`", "`bigint`", "What generated clients read an int8 as."},

    {"admin.listen", "host:port", "`127.0.0.1:9630`",
     "Where `/metrics`, `/livez`, `/readyz` and `/status` are served; `\"\"` turns them off."},
    {"admin.ready_max_lag_seconds", "0.001 to 86400", "`60`", "Above this lag `/readyz` is red."},

    {"log.level", "`debug`, `info`, `warn`, `error`", "`info`", "The least severe lines written to standard error."},
    {"log.format", "`text`, `json`", "`text`", "The form of a log line."},

    {"snapshot.workers", "1 to 64", "`2`", "Connections that copy tables at the same time during the first sync."},
    {"snapshot.backfill_rows", "100 to 100000", "`5000`",
     "Rows read at a time of a table that is copied while the stream goes on."},

    {"limits.buffer_bytes", "size, 1MiB to 16GiB", "`16MiB`",
     "Changes held in memory between the stream and all caches; a plain number of bytes, or with KiB, MiB or GiB."},
    {"limits.slow_sink_seconds", "1 to 86400", "`10`",
     "A cache that takes nothing for so long no longer holds up the others."},
});

// Described in the mapping's specification; each scope has the words that make sense there.
struct PlannedKeys {
  std::string_view scope;
  std::span<const std::string_view> keys;
};

constexpr auto kPlannedTop = std::to_array<std::string_view>({"route", "cache", "dialect", "decltypes", "quarantine"});
constexpr auto kPlannedRule = std::to_array<std::string_view>({"route", "constraints", "profile"});
constexpr auto kPlannedColumn = std::to_array<std::string_view>({"scale", "specials"});

constexpr auto kPlanned = std::to_array<PlannedKeys>({
    {"", kPlannedTop},
    {"rules[]", kPlannedRule},
    {"rules[].columns.*", kPlannedColumn},
});

}  // namespace

std::span<const Key> known_keys() { return kKeys; }

std::vector<std::string_view> keys_in(std::string_view scope) {
  std::vector<std::string_view> found;
  const auto add = [&](std::string_view word) {
    if (std::find(found.begin(), found.end(), word) == found.end()) found.push_back(word);
  };
  for (const Key& key : kKeys) {
    std::string_view rest = key.pattern;
    if (!scope.empty()) {
      if (!rest.starts_with(scope) || rest.size() <= scope.size() || rest[scope.size()] != '.') continue;
      rest.remove_prefix(scope.size() + 1);
    }
    const std::string_view word = rest.substr(0, rest.find_first_of(".["));
    add(word);
    if (scope.empty() && word == "sink") add("sinks");
  }
  return found;
}

bool is_planned_key(std::string_view scope, std::string_view key) {
  for (const PlannedKeys& planned : kPlanned) {
    if (planned.scope == scope) return std::find(planned.keys.begin(), planned.keys.end(), key) != planned.keys.end();
  }
  return false;
}

}  // namespace walbridge::config
