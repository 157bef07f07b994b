#include "mapping/starter_config.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "mapping/encoder.h"
#include "mapping/table_plan.h"

namespace walbridge::mapping {

namespace {

constexpr double kManyRows = 10'000'000;
constexpr std::uint64_t kManyBytes = 1ULL << 30;

// What migration tools and extensions keep for themselves.
struct Bookkeeping {
  std::string_view table;
  std::string_view owner;
};
constexpr auto kBookkeeping = std::to_array<Bookkeeping>({
    {"_prisma_migrations", "Prisma"},
    {"__drizzle_migrations", "Drizzle"},
    {"schema_migrations", "migrations"},
    {"ar_internal_metadata", "Rails"},
    {"django_migrations", "Django"},
    {"alembic_version", "Alembic"},
    {"flyway_schema_history", "Flyway"},
    {"databasechangelog", "Liquibase"},
    {"databasechangeloglock", "Liquibase"},
    {"knex_migrations", "Knex"},
    {"knex_migrations_lock", "Knex"},
    {"SequelizeMeta", "Sequelize"},
    {"typeorm_metadata", "TypeORM"},
    {"pgmigrations", "node-pg-migrate"},
    {"kysely_migration", "Kysely"},
    {"kysely_migration_lock", "Kysely"},
    {"goose_db_version", "goose"},
    {"_sqlx_migrations", "SQLx"},
    {"__diesel_schema_migrations", "Diesel"},
    {"__EFMigrationsHistory", "Entity Framework"},
    {"atlas_schema_revisions", "Atlas"},
    {"spatial_ref_sys", "PostGIS"},
});

constexpr auto kSecretWords = std::to_array<std::string_view>(
    {"password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "private_key", "privatekey",
     "access_key", "credential", "totp", "otp_", "recovery_code", "ssn", "credit_card", "card_number", "cvv"});

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool has_control(const std::string& text) { return std::any_of(text.begin(), text.end(), is_control); }

// A glob as a YAML value in double quotes; a dollar sign that would begin a substitution is doubled. Control
// characters, which no value may hold, become a `?` that matches them.
std::string yaml_text(std::string_view text) {
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (is_control(c)) {
      quoted += '?';
    } else {
      const char next = i + 1 < text.size() ? text[i + 1] : '\0';
      if (c == '$' && (next == '{' || next == '$')) quoted += '$';
      quoted += c;
    }
  }
  return quoted + '"';
}

// One line of a comment, whatever is in a name.
std::string comment_line(std::string_view text) {
  std::string line;
  for (const char c : text) line += is_control(c) ? ' ' : c;
  return line;
}

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  const int decimals = unit == 0 || size >= 10 ? 0 : 1;
  return fmt::format("{:.{}f} {}", size, decimals, kUnits[unit]);
}

std::string rows_text(double rows) {
  if (rows < 0) return "row count unknown";
  if (rows < 1e4) return fmt::format("about {:.0f} rows", rows);
  if (rows < 1e6) return fmt::format("about {:.0f} thousand rows", rows / 1e3);
  return fmt::format("about {:.1f} million rows", rows / 1e6);
}

bool looks_secret(const SourceColumn& column) {
  if (!column.type) return false;
  const auto type = without_domains(column.type);
  static constexpr auto kHolds =
      std::to_array<std::string_view>({"text", "varchar", "bpchar", "citext", "bytea", "json", "jsonb", "uuid"});
  if (std::find(kHolds.begin(), kHolds.end(), type->kind) == kHolds.end()) return false;
  std::string lower = column.name;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::any_of(kSecretWords.begin(), kSecretWords.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

bool in_primary_key(const SourceTable& table, const SourceColumn& column) {
  return std::any_of(table.indexes.begin(), table.indexes.end(), [&](const SourceIndex& index) {
    return (index.primary || index.replica_identity) &&
           std::any_of(index.key.begin(), index.key.end(),
                       [&](const auto& part) { return part.attnum == column.attnum; });
  });
}

// What there is to say about one table, and the rules ready to be uncommented.
struct Questions {
  std::vector<std::string> remarks;
  std::vector<std::string> rule;  // lines without their comment sign
};

struct Refusal {
  std::string code;
  std::string reason;
  std::string remedy;
};

// "… {match: "public.users", as: "app_users"} …" -> the rule in braces.
std::string rule_in(const std::string& remedy) {
  const auto begin = remedy.find("{match:");
  if (begin == std::string::npos) return {};
  int depth = 0;
  for (std::size_t i = begin; i < remedy.size(); ++i) {
    depth += remedy[i] == '{' ? 1 : remedy[i] == '}' ? -1 : 0;
    if (depth == 0) return remedy.substr(begin, i - begin + 1);
  }
  return {};
}

void ask_about_refusal(const SourceTable& table, const Refusal& refusal, Questions& questions) {
  questions.remarks.push_back(fmt::format("left out [{}]: {}", refusal.code, refusal.reason));
  if (!refusal.remedy.empty()) questions.remarks.push_back("what to do: " + refusal.remedy);
  if (const auto rule = rule_in(refusal.remedy); !rule.empty()) {
    questions.rule.push_back("- " + rule);
  } else if (refusal.code == "no-key" || refusal.code == "replica-identity") {
    questions.remarks.emplace_back("or the rule with `mode: append`, if its rows are never updated or deleted");
    questions.rule.push_back("- match: " + yaml_text(table.qualified_name()));
    questions.rule.emplace_back("  mode: append");
  }
  questions.remarks.emplace_back("and remove its line from `exclude` above");
}

void ask_about_columns(const SourceTable& table, Questions& questions) {
  std::vector<std::string> omit;
  std::vector<std::string> columns;
  for (const auto& column : table.columns) {
    if (!column.type || column.generated) continue;
    if (looks_secret(column)) {
      if (in_primary_key(table, column) && !has_control(column.name)) {
        questions.remarks.push_back("column " + column.name +
                                    " looks secret and is part of the key: mask it with a key");
        columns.push_back(
            fmt::format("    {}: {{ mask: hmac_sha256, mask_key: \"${{MASK_KEY}}\" }}", yaml_text(column.name)));
      } else {
        omit.push_back(column.name);
      }
    } else if (!is_known_type(*without_domains(column.type)) && !has_control(column.name)) {
      questions.remarks.push_back(
          fmt::format("column {} has type {}, which is carried as the text it prints; or leave it out", column.name,
                      column.type->sql));
      columns.push_back(fmt::format("    {}: {{ type: omit }}", yaml_text(column.name)));
    }
  }
  if (omit.empty() && columns.empty()) return;
  questions.rule.push_back("- match: " + yaml_text(table.qualified_name()));
  if (!omit.empty()) {
    std::string list;
    std::string names;
    for (const auto& name : omit) {
      list += (list.empty() ? "" : ", ") + yaml_text(name);
      names += (names.empty() ? "" : ", ") + name;
    }
    questions.remarks.push_back("looks secret: " + names);
    questions.rule.push_back("  omit: [" + list + "]");
  }
  if (!columns.empty()) {
    questions.rule.emplace_back("  columns:");
    questions.rule.insert(questions.rule.end(), columns.begin(), columns.end());
  }
}

void ask_about_table(const SourceTable& table, Questions& questions) {
  if (table.estimated_rows >= kManyRows || table.bytes >= kManyBytes) {
    questions.remarks.push_back(
        fmt::format("large ({}, {}): the first copy takes its time; `where`, `only` or `exclude` make it "
                    "smaller",
                    rows_text(table.estimated_rows), size_text(table.bytes)));
  }
  if (table.kind == 'p') {
    questions.remarks.push_back(fmt::format("partitioned: its {} partitions become one table", table.leaves.size()));
  }
  if (table.has_children) questions.remarks.emplace_back("has child tables: each is a table of its own in the cache");
  ask_about_columns(table, questions);
}

class Writer {
 public:
  Writer(const StarterRequest& request, std::span<const SourceTable> tables) : request_(request) {
    for (const auto& table : tables) {
      // Our own objects at the source.
      if (table.schema != "walbridge") tables_.push_back(&table);
    }
    std::sort(tables_.begin(), tables_.end(),
              [](const auto* a, const auto* b) { return a->qualified_name() < b->qualified_name(); });
  }

  void exclude_bookkeeping();
  void exclude_found(std::span<const Finding> findings);
  void exclude_refused(std::span<const SourceTable> tables);
  StarterConfig write();

 private:
  std::vector<std::string> schemas() const;
  std::string head() const;
  std::string table_section() const;
  std::string rule_section();

  const StarterRequest& request_;
  std::vector<const SourceTable*> tables_;
  std::map<std::string, std::string> bookkeeping_;  // by qualified name: whose
  std::map<std::string, Refusal> refused_;          // by qualified name
  std::size_t questions_ = 0;
};

void Writer::exclude_bookkeeping() {
  for (const auto* table : tables_) {
    for (const auto& known : kBookkeeping) {
      if (table->name != known.table) continue;
      const bool tool = known.owner == "PostGIS";
      bookkeeping_[table->qualified_name()] = fmt::format("{} of {}", tool ? "a table" : "bookkeeping", known.owner);
    }
  }
}

void Writer::exclude_found(std::span<const Finding> findings) {
  for (const auto* table : tables_) {
    const auto name = table->qualified_name();
    for (const auto& finding : findings) {
      const bool leaf = std::any_of(table->leaves.begin(), table->leaves.end(), [&](const SourceLeaf& each) {
        return each.schema + "." + each.name == finding.subject;
      });
      if (finding.severity != Finding::Severity::Error || (finding.subject != name && !leaf)) continue;
      if (bookkeeping_.count(name) == 0) {
        refused_.emplace(name,
                         Refusal{finding.code, (leaf ? finding.subject + " " : "") + finding.message, finding.fix});
      }
    }
  }
}

// A table that is out may free a name that another one was refused for, so this goes on until nothing is refused.
void Writer::exclude_refused(std::span<const SourceTable> tables) {
  config::Config config;
  config::Sink sink;
  sink.name = "main";
  sink.url = request_.sink_url;
  for (const auto& schema : schemas()) config.tables.include.push_back(schema + ".*");
  for (std::size_t round = 0; round <= tables_.size(); ++round) {
    config.tables.exclude.clear();
    for (const auto& [name, why] : bookkeeping_) config.tables.exclude.push_back(name);
    for (const auto& [name, refusal] : refused_) config.tables.exclude.push_back(name);
    const auto plan = plan_sink(tables, config, sink);
    for (const auto& refused : plan.refused) {
      refused_.emplace(refused.source_name, Refusal{refused.error.code, refused.error.message, refused.error.remedy});
    }
    if (plan.refused.empty()) return;
  }
}

std::vector<std::string> Writer::schemas() const {
  std::set<std::string> names;
  for (const auto* table : tables_) names.insert(table->schema);
  if (names.empty()) names.insert("public");
  return {names.begin(), names.end()};
}

std::string Writer::head() const {
  std::string text =
      "# walbridge: what is replicated, from where, to where. Written by `walbridge init`; yours from now on.\n";
  text +=
      "# `walbridge plan` shows what it makes of it, `walbridge check` what is still missing, `walbridge run` does "
      "it.\n";
  text += "version: 1\n\nsource:\n";
  text +=
      "  # The direct (unpooled) address of the database; export " + request_.source_variable + " before a start.\n";
  text += "  url: ${" + request_.source_variable + "}\n\nsink:\n  url: " + yaml_text(request_.sink_url) + "\n";
  if (!request_.token_variable.empty()) text += "  auth_token: ${" + request_.token_variable + "}\n";
  return text;
}

std::string Writer::table_section() const {
  std::string text = "\ntables:\n  include:\n";
  for (const auto& schema : schemas()) {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    for (const auto* table : tables_) {
      if (table->schema != schema) continue;
      ++count;
      bytes += table->bytes;
    }
    text += fmt::format("    - {}  # {} {}, {}; tables that come later join by themselves\n", yaml_text(schema + ".*"),
                        count, count == 1 ? "table" : "tables", size_text(bytes));
  }
  if (bookkeeping_.empty() && refused_.empty()) return text;
  text += "  exclude:\n";
  for (const auto& [name, why] : bookkeeping_) {
    text += fmt::format("    - {}  # {}\n", yaml_text(name), comment_line(why));
  }
  for (const auto& [name, refusal] : refused_) {
    text += fmt::format("    - {}  # [{}] {}\n", yaml_text(name), refusal.code, comment_line(refusal.reason));
  }
  return text;
}

std::string Writer::rule_section() {
  std::string blocks;
  for (const auto* table : tables_) {
    const auto name = table->qualified_name();
    if (bookkeeping_.count(name) != 0) continue;
    Questions questions;
    if (const auto found = refused_.find(name); found != refused_.end()) {
      ask_about_refusal(*table, found->second, questions);
    }
    ask_about_table(*table, questions);
    if (questions.remarks.empty()) continue;
    ++questions_;
    blocks += fmt::format("\n  # {}: {}, {}\n", comment_line(name), rows_text(table->estimated_rows),
                          size_text(table->bytes));
    for (const auto& remark : questions.remarks) blocks += "  #   " + comment_line(remark) + "\n";
    for (const auto& line : questions.rule) blocks += "  # " + line + "\n";
  }
  if (blocks.empty()) return {};
  return "\n# For you to decide: take the comment sign from a rule to make it count.\nrules:\n" + blocks;
}

StarterConfig Writer::write() {
  StarterConfig made;
  made.yaml = head() + table_section() + rule_section();
  for (const auto& [name, why] : bookkeeping_) made.excluded.push_back({name, why});
  for (const auto& [name, refusal] : refused_) made.excluded.push_back({name, refusal.reason});
  made.carried = tables_.size() - made.excluded.size();
  made.questions = questions_;
  return made;
}

}  // namespace

StarterConfig starter_config(const StarterRequest& request, std::span<const SourceTable> tables,
                             std::span<const Finding> findings) {
  Writer writer(request, tables);
  writer.exclude_bookkeeping();
  writer.exclude_found(findings);
  writer.exclude_refused(tables);
  return writer.write();
}

}  // namespace walbridge::mapping
