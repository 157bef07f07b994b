// How the values of one column get from Postgres' text into SQLite, compiled once per column. Encoding is total:
// whatever the bytes, the answer is a value or a Fault, never a crash. Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/config.h"
#include "pipeline/api/arena.h"
#include "pipeline/api/cache_table.h"
#include "pipeline/api/pg_type.h"
#include "pipeline/api/result.h"

namespace walbridge::mapping {

struct JsonShape;  // mapping/json_shape.h

// Null: fine. Otherwise static text that ends the sentence "column c ..." and never holds the value.
using Fault = const char*;

// A plain struct with one function pointer: this is called once per value.
struct Encoder {
  // `out` is a view into `wire`, `scratch` or static text.
  using Function = Fault (*)(const Encoder& self, std::string_view wire, Arena& scratch, SqlValue& out);

  Fault encode(std::string_view wire, Arena& scratch, SqlValue& out) const {
    return function(*this, wire, scratch, out);
  }

  Function function = nullptr;
  CacheColumn::Form form = CacheColumn::Form::Plain;
  config::Specials specials = config::Specials::Text;
  bool exact = true;                   // different values (to Postgres) stay different: fit for a key
  bool rowid_capable = false;          // an integer as it is: a single key of it becomes the rowid
  bool uses_labels = false;            // enum ranks: a changed label list changes the stored values
  std::int32_t scale = 0;              // decimals of a scaled integer; dimensions of a vector (0: any)
  double limit = 0;                    // what infinities are clamped to
  std::string decl;                    // declared SQLite type with collation
  std::string encoding;                // "default" or the alternative's name
  std::string imprecise;               // why a profile's choice may round; empty: it does not
  std::shared_ptr<const PgType> type;  // without domains
  std::unordered_map<std::string_view, std::int64_t> ranks;  // views into type->labels
  std::shared_ptr<const JsonShape> shape;
  std::shared_ptr<const Encoder> inner;  // what a mask or a cut is laid around
  std::uint32_t keep = 0;                // characters of it that stay
  config::Secret mask_key;
};

struct EncodingChoice {
  std::string name;  // empty: what the profile says, else the built-in default
  config::Profile profile = config::Profile::Default;
  config::Specials specials = config::Specials::Text;
  bool key = false;  // keys keep their specials as text: anything else could make two rows one
};

// Fails when the type has no encoding of that name; the remedy lists those it has.
Result<std::shared_ptr<const Encoder>> compile_encoder(const std::shared_ptr<const PgType>& type,
                                                       const EncodingChoice& choice);

// False for types of extensions we have no encoding for: they travel as the text their output function prints.
bool is_known_type(const PgType& type);

// The type below any number of domains.
std::shared_ptr<const PgType> without_domains(std::shared_ptr<const PgType> type);

}  // namespace walbridge::mapping
