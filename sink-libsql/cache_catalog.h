// What a cache's schema holds, as sqlite_master lists it, and which of its tables are this stream's. Follows the schema
// steps of a transaction while they are planned. Pure; one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace walbridge::sink_libsql {

struct SchemaObject {
  std::string type;  // "table", "index", "view", "trigger"
  std::string name;
  std::string table;  // the table it belongs to
  std::string sql;    // empty for indexes SQLite made itself, and once a step has changed the text
};

bool same_name(std::string_view a, std::string_view b);  // as SQLite compares names

class CacheCatalog {
 public:
  CacheCatalog() = default;
  // `own_tables`: names that records of this stream give to tables that were filled.
  CacheCatalog(std::string stream, std::vector<SchemaObject> objects, std::vector<std::string> own_tables)
      : stream_(std::move(stream)), objects_(std::move(objects)), own_tables_(std::move(own_tables)) {}

  const std::vector<SchemaObject>& objects() const { return objects_; }
  // Tables, indexes and views share one space of names, triggers have their own.
  const SchemaObject* find(std::string_view name) const;
  const SchemaObject* find_table(std::string_view name) const;
  const SchemaObject* find_trigger(std::string_view name) const;
  const SchemaObject* find_like(const SchemaObject& object) const;  // of its name, in its space
  std::vector<SchemaObject> of_table(std::string_view table, std::string_view type) const;

  // This stream made the table, is filling it, or has left it behind.
  bool is_own(std::string_view table) const;
  // A table that no reader knows: of a load, a backfill or a rebuild of this stream.
  bool is_hidden(std::string_view table) const;
  void claim(std::string table) { own_tables_.push_back(std::move(table)); }

  void add(SchemaObject object) { objects_.push_back(std::move(object)); }
  void remove(std::string_view name);  // no trigger; with everything that belongs to it
  void remove_trigger(std::string_view name);
  void rename_table(std::string_view table, const std::string& to);
  void forget_texts(std::string_view table);  // of its indexes and of every trigger: the cache rewrites them

 private:
  std::string stream_;
  std::vector<SchemaObject> objects_;
  std::vector<std::string> own_tables_;
};

// Indexes of walbridge's own carry a word by which they are told from a user's. (tursodb drops it.)
std::string with_index_mark(std::string create_index, std::string_view index, std::string_view table);
bool has_index_mark(const SchemaObject& index);
std::string without_index_mark(std::string create_index);
// The FTS5 table a trigger of walbridge's keeps; empty: another trigger.
std::string_view full_text_of(const SchemaObject& trigger);
// "a", "b" -> the two of them, still quoted.
std::vector<std::string> quoted_names(std::string_view list);
// The stored columns of a table by the text walbridge made it with; quoted.
std::vector<std::string> stored_columns(std::string_view create_table);

}  // namespace walbridge::sink_libsql
