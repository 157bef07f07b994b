#include "pipeline/api/source_json.h"

#include <limits>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "pipeline/api/shallow_json.h"

namespace walbridge {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
// Deeper than any type somebody made on purpose, shallower than the stack.
constexpr int kDeepestType = 100;
constexpr std::string_view kArraySuffix = "[]";
constexpr int kDeepestJson = 16;  // a description nests 5 deep

// Reads members of objects; whatever is missing or of another kind fails the whole reading, once.
class Members {
 public:
  bool failed() const { return failed_; }
  void fail() { failed_ = true; }

  static const Json* find(const Json& object, const char* name) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
  }
  std::string text(const Json& object, const char* name, bool required = false) {
    const Json* member = find(object, name);
    if (member == nullptr && !required) return {};
    if (member == nullptr || !member->is_string()) return failed_ = true, std::string();
    return member->get<std::string>();
  }
  bool flag(const Json& object, const char* name) {
    const Json* member = find(object, name);
    if (member == nullptr) return false;
    if (!member->is_boolean()) failed_ = true;
    return !failed_ && member->get<bool>();
  }
  // One character out of `allowed`.
  char letter(const Json& object, const char* name, std::string_view allowed) {
    const std::string value = text(object, name, true);
    if (value.size() != 1 || allowed.find(value.front()) == std::string_view::npos) return failed_ = true, '\0';
    return value.front();
  }
  // `none` when it is not there.
  template <class T>
  T number(const Json& object, const char* name, T none) {
    const Json* member = find(object, name);
    return member == nullptr ? none : number_of<T>(*member);
  }
  template <class T>
  T number_of(const Json& value) {
    const auto inside = [](auto wide) { return std::in_range<T>(wide); };
    const bool fits = value.is_number_unsigned() ? inside(value.get<std::uint64_t>())
                                                 : value.is_number_integer() && inside(value.get<std::int64_t>());
    if (!fits) return failed_ = true, T{};
    return value.get<T>();
  }
  std::uint32_t oid(const Json& object, const char* name) {
    const auto value = number<std::uint32_t>(object, name, 0);
    if (value == 0) failed_ = true;
    return value;
  }
  // An empty array when it is not there.
  const Json& list(const Json& object, const char* name) {
    static const Json kNone = Json::array();
    const Json* member = find(object, name);
    if (member == nullptr) return kNone;
    if (!member->is_array()) failed_ = true;
    return failed_ ? kNone : *member;
  }

 private:
  bool failed_ = false;
};

// The types of one description, resolved on demand; what contains itself fails.
class Types {
 public:
  Types(const Json& types, Members& members) : types_(types), members_(members) {}

  std::shared_ptr<const PgType> resolve(std::uint32_t oid, std::int32_t typmod, const std::string& sql, int depth = 0) {
    if (const auto known = resolved_.find({oid, typmod}); known != resolved_.end()) return known->second;
    const Json* entry = Members::find(types_, std::to_string(oid).c_str());
    if (entry == nullptr || depth > kDeepestType) return members_.fail(), nullptr;
    auto type = std::make_shared<PgType>();
    type->oid = oid;
    type->typmod = typmod;
    type->sql = sql;
    const std::string name = members_.text(*entry, "name", true);
    const char kind = members_.letter(*entry, "kind", "bdecrmp");
    type->kind = structure_of(kind, name);
    if (Members::find(*entry, "element") != nullptr) {
      type->kind = "array";
      resolve_element(*entry, *type, depth);
    } else if (kind == 'd') {
      type->base = resolve(members_.oid(*entry, "base"), members_.number<std::int32_t>(*entry, "base_typmod", -1),
                           members_.text(*entry, "base_sql", true), depth + 1);
    } else if (kind == 'e') {
      read_labels(*entry, *type);
    } else if (kind == 'c') {
      for (const Json& field : members_.list(*entry, "fields")) {
        if (members_.failed()) break;
        type->fields.push_back({members_.text(field, "name", true),
                                resolve(members_.oid(field, "type"), members_.number<std::int32_t>(field, "typmod", -1),
                                        members_.text(field, "sql", true), depth + 1)});
      }
    }
    if (members_.failed()) return nullptr;
    resolved_.emplace(std::pair{oid, typmod}, type);
    return type;
  }

 private:
  static std::string structure_of(char kind, const std::string& name) {
    switch (kind) {
      case 'c':
        return "composite";
      case 'd':
        return "domain";
      case 'e':
        return "enum";
      case 'm':
        return "multirange";
      case 'r':
        return "range";
      default:
        return name;
    }
  }

  // An array's typmod is its element's.
  void resolve_element(const Json& entry, PgType& type, int depth) {
    const std::string delimiter = members_.text(entry, "delimiter");
    if (delimiter.size() > 1) members_.fail();
    if (!delimiter.empty()) type.delimiter = delimiter.front();
    std::string sql = type.sql;
    if (sql.ends_with(kArraySuffix)) sql.resize(sql.size() - kArraySuffix.size());
    type.element = resolve(members_.oid(entry, "element"), type.typmod, sql, depth + 1);
  }

  void read_labels(const Json& entry, PgType& type) {
    for (const Json& label : members_.list(entry, "labels")) {
      if (!label.is_array() || label.size() != 2 || !label[1].is_string()) return members_.fail();
      type.label_oids.push_back(members_.number_of<std::uint32_t>(label[0]));
      type.labels.push_back(label[1].get<std::string>());
    }
  }

  const Json& types_;
  Members& members_;
  std::map<std::pair<std::uint32_t, std::int32_t>, std::shared_ptr<const PgType>> resolved_;
};

SourceColumn read_column(const Json& from, Members& members, Types& types) {
  SourceColumn column;
  column.attnum = members.number<std::int16_t>(from, "attnum", 0);
  column.name = members.text(from, "name", true);
  column.type = types.resolve(members.oid(from, "type"), members.number<std::int32_t>(from, "typmod", -1),
                              members.text(from, "sql", true));
  column.not_null = members.flag(from, "not_null");
  column.generated = Members::find(from, "generated") != nullptr && members.letter(from, "generated", "sv") != '\0';
  column.deterministic_collation = !members.flag(from, "nondeterministic");
  column.expression = members.text(from, "expression");
  if (Members::find(from, "missing") != nullptr) column.missing = members.text(from, "missing", true);
  column.identity = members.flag(from, "identity");
  column.comment = members.text(from, "comment");
  return column;
}

SourceIndex read_index(const Json& from, Members& members) {
  SourceIndex index;
  index.name = members.text(from, "name", true);
  index.method = members.text(from, "method", true);
  index.primary = members.flag(from, "primary");
  index.unique = members.flag(from, "unique");
  index.immediate = !members.flag(from, "deferrable");
  index.replica_identity = members.flag(from, "replica_identity");
  index.predicate = members.text(from, "predicate");
  index.partial = !index.predicate.empty();
  for (const Json& part : members.list(from, "key")) {
    index.key.push_back({members.number<std::int16_t>(part, "attnum", 0), members.flag(part, "desc"),
                         members.text(part, "expression"), members.text(part, "operator_class")});
    if ((index.key.back().attnum == 0) == index.key.back().expression.empty()) members.fail();
  }
  for (const Json& attnum : members.list(from, "included")) {
    index.included.push_back(members.number_of<std::int16_t>(attnum));
  }
  return index;
}

SourceTable read_table(const Json& from, Members& members) {
  SourceTable table;
  table.oid = members.oid(from, "oid");
  table.schema = members.text(from, "schema", true);
  table.name = members.text(from, "name", true);
  table.kind = members.letter(from, "kind", "rp");
  table.persistence = members.letter(from, "persistence", "pu");
  table.replica_identity = static_cast<ReplicaIdentity>(members.letter(from, "identity", "dnfi"));
  table.has_children = members.flag(from, "children");
  table.comment = members.text(from, "comment");
  static const Json kNoTypes = Json::object();
  const Json* types_of = Members::find(from, "types");
  Types types(types_of == nullptr ? kNoTypes : *types_of, members);
  std::int16_t last = 0;
  for (const Json& column : members.list(from, "columns")) {
    if (members.failed()) break;
    table.columns.push_back(read_column(column, members, types));
    if (table.columns.back().attnum <= last) members.fail();
    last = table.columns.back().attnum;
  }
  for (const Json& index : members.list(from, "indexes")) table.indexes.push_back(read_index(index, members));
  for (const Json& constraint : members.list(from, "constraints")) {
    table.constraints.push_back({members.letter(constraint, "kind", "cfx"), members.text(constraint, "name", true)});
  }
  for (const Json& leaf : members.list(from, "leaves")) {
    table.leaves.push_back(
        {members.oid(leaf, "oid"), members.text(leaf, "schema", true), members.text(leaf, "name", true)});
  }
  return table;
}

}  // namespace

Result<SourceTable> source_table_from_json(std::string_view json) {
  const auto refusal = [](const char* what) {
    return Error{Verdict::Operator, "description", std::string("a table's description ") + what,
                 "resync the table; if it comes back, report it"};
  };
  const Json parsed = is_shallow_json(json, kDeepestJson) ? Json::parse(json, nullptr, false) : Json();
  if (!parsed.is_object()) return refusal("is not a JSON object");
  Members members;
  if (members.number<int>(parsed, "v", 0) != kVersion)
    return refusal("has a version that this walbridge does not know");
  SourceTable table = read_table(parsed, members);
  if (members.failed() || table.name.empty()) return refusal("lacks a member, or has one of another kind");
  table.json = parsed.dump();
  return table;
}

}  // namespace walbridge
