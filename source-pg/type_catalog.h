// Resolves pg_type into the PgType trees mapping works on: one round trip for all types, one for enum labels, one for
// composite fields, however many columns ask. Lives as long as one reading of the catalog; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pipeline/api/pg_type.h"
#include "pipeline/api/result.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

class TypeCatalog {
 public:
  // Reads these types and everything they are made of.
  static Result<TypeCatalog> read(Connection& connection, const std::vector<std::uint32_t>& type_oids);

  // `sql` is format_type(oid, typmod). Null when the type was dropped since read().
  std::shared_ptr<const PgType> resolve(std::uint32_t oid, std::int32_t typmod, const std::string& sql);

 private:
  struct Entry {
    std::string name;
    char kind = 'b';  // pg_type.typtype
    bool array = false;
    std::uint32_t element = 0;
    char delimiter = ',';
    std::uint32_t base = 0;  // domain
    std::int32_t base_typmod = -1;
    std::string base_sql;
    std::vector<std::string> labels;  // enum
    struct Field {
      std::string name;
      std::uint32_t type = 0;
      std::int32_t typmod = -1;
      std::string sql;
    };
    std::vector<Field> fields;  // composite
  };

  Status read_types(Connection& connection, const std::string& oids);
  Status read_labels(Connection& connection);
  Status read_fields(Connection& connection);

  std::unordered_map<std::uint32_t, Entry> entries_;
  std::map<std::pair<std::uint32_t, std::int32_t>, std::shared_ptr<const PgType>> resolved_;
};

// "{16,23}", for `= ANY($1::oid[])`.
std::string oid_array(const std::vector<std::uint32_t>& oids);

}  // namespace walbridge::source_pg
