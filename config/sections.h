// Reads each section of the file into its part of the Config and checks it; problems go to the Field's Reading.
// One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/field.h"

namespace walbridge::config {

// `file_path`, when given: the resolved path of a `{ file: PATH }`, empty for a secret written in place.
std::optional<Secret> read_secret(const Field& field, bool may_be_empty, std::string* file_path = nullptr);

void read_kafka(const Field& root, Config& config);   // before `source` and `sink`, which may be missing by its role
void read_source(const Field& root, Config& config);  // after `name`
void read_sinks(const Field& root, Config& config);   // `sink` or `sinks`
TableFilter read_table_filter(const Field& field);
void read_tables(const Field& root, Config& config);  // `tables` and `naming`
void read_types(const Field& root, Config& config);   // `types` and `profile`
void read_rules(const Field& root, Config& config);
void read_schema(const Field& root, Config& config);   // `on_ddl`, `constraints`, `clients`
void read_runtime(const Field& root, Config& config);  // `admin`, `log`, `snapshot`, `limits`

// Shared by `types` and the types of a rule: a type's name -> encoding.
void read_type_encodings(const Field& field, std::map<std::string, std::string>& types);
std::optional<std::string> read_encoding(const Field& field);

// What `on_ddl` says here, of the whole file or of a rule; absent: nothing.
struct OnDdlRule {
  std::optional<KeepOrDrop> drop_table;
  std::optional<KeepOrDrop> drop_column;
  std::optional<OnTruncate> truncate;
  std::optional<OnRewrite> rewrite;
};
OnDdlRule read_on_ddl(const Field& field);

// Parts of a rule that have files of their own.
void read_column_rules(const Field& field, std::map<std::string, ColumnRule>& columns);
std::vector<IndexRule> read_index_rules(const Field& field);
// A list that is written must hold something: an empty `only` could mean all columns or none.
std::vector<std::string> read_column_names(const Field& field);

// A glob over "schema.table"; a name template with {schema} and {table}.
std::optional<std::string> read_table_glob(const Field& field);
std::optional<std::string> read_name_template(const Field& field);

}  // namespace walbridge::config
