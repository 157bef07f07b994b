// How a Postgres value becomes JSON when it stands inside another one: a tree compiled once per column, as arrays,
// composites and domains nest. Immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/encoder.h"

namespace walbridge::mapping {

struct JsonShape {
  enum class Kind {
    Bool,
    Number,      // Postgres' digits as they are
    BigInteger,  // a number up to 2^53-1, else a string: no reader may round it in silence
    Float,       // a number; NaN and infinities are strings
    Raw,         // json, jsonb
    String,      // the text as sent
    Encoded,     // the text `encoder` makes of it
    Array,
    Composite,
    Hstore,
    Vector,
  };
  Kind kind = Kind::String;
  char delimiter = ',';
  std::vector<std::string> names;                       // composite: "name": with quotes and colon
  std::vector<std::shared_ptr<const JsonShape>> parts;  // array: one; composite: one per name
  std::shared_ptr<const Encoder> encoder;
};

// Null when a part of the type cannot be encoded.
std::shared_ptr<const JsonShape> compile_json_shape(const PgType& type);

// Appends one value; `scratch` holds unquoted parts.
Fault append_json(const JsonShape& shape, std::string_view wire, Arena& scratch, std::string& out);

void append_json_string(std::string_view text, std::string& out);
// A number if it is one, NaN or an infinity as a string.
bool append_json_number(std::string_view text, std::string& out);
// A number up to 2^53-1, a string above.
bool append_json_integer(std::string_view text, std::string& out);

// Room for texts that are built before their length is known; one per thread, bounded between uses.
class TextWorkshop {
 public:
  TextWorkshop();
  ~TextWorkshop();
  TextWorkshop(const TextWorkshop&) = delete;
  TextWorkshop& operator=(const TextWorkshop&) = delete;

  std::string& text();
  Arena& parts();
};

}  // namespace walbridge::mapping
