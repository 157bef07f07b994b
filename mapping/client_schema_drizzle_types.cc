// Column types that Drizzle does not have: how each encoding is read back, exactly.
#include <array>

#include <fmt/format.h>

#include "mapping/client_schema_drizzle.h"
#include "mapping/client_schema_names.h"

namespace walbridge::mapping {

namespace {

using V = ClientValue;

constexpr std::string_view kSelectedAsText =
    R"ts(// Drizzle selects columns of this type as text: as a number 64 bits would lose digits, and the client refuses such rows.
const selectedAsText = <T>(column: T): T => {
  (column as unknown as { config: { columnType: string } }).config.columnType = "SQLiteNumericBigInt";
  return column;
};
)ts";

constexpr std::string_view kTimestamptz =
    R"ts(// timestamptz, "2024-01-15T12:34:56.123456+00:00". A Date has no microseconds and no infinity (then it is an Invalid Date);
// sql<string>`${table.column}` selects the text itself.
export const pgTimestamptz = customType<{ data: Date; driverData: string }>({
  dataType: () => "DATETIME",
  fromDriver: (value) => new Date(value),
  toDriver: (date) => date.toISOString().replace("Z", "+00:00"),
});
)ts";

constexpr std::string_view kTimestamp =
    R"ts(// timestamp without time zone, read as UTC.
export const pgTimestamp = customType<{ data: Date; driverData: string }>({
  dataType: () => "DATETIME",
  fromDriver: (value) => new Date(value + "Z"),
  toDriver: (date) => date.toISOString().slice(0, -1),
});
)ts";

constexpr std::string_view kSqliteTimestamp =
    R"ts(// "2024-01-15 12:34:56.123456", UTC.
export const pgSqliteTimestamp = customType<{ data: Date; driverData: string }>({
  dataType: () => "DATETIME",
  fromDriver: (value) => new Date(value.replace(" ", "T") + "Z"),
  toDriver: (date) => date.toISOString().replace("T", " ").replace("Z", "000"),
});
)ts";

constexpr std::string_view kUnixMillis =
    R"ts(// Milliseconds since 1970.
const unixMillis = customType<{ data: Date; driverData: number | string }>({
  dataType: () => "BIGINT",
  fromDriver: (value) => new Date(Number(value)),
  toDriver: (date) => date.getTime(),
});
export const pgUnixMillis = (name: string) => selectedAsText(unixMillis(name));
)ts";

constexpr std::string_view kUnixMicros =
    R"ts(// Microseconds since 1970, which no Date holds.
const unixMicros = customType<{ data: bigint | "infinity" | "-infinity"; driverData: number | string }>({
  dataType: () => "BIGINT",
  fromDriver: (value) => (value === "infinity" || value === "-infinity" ? value : BigInt(value)),
  toDriver: (value) => String(value),
});
export const pgUnixMicros = (name: string) => selectedAsText(unixMicros(name));
)ts";

constexpr std::string_view kUnixMillisFraction =
    R"ts(// Milliseconds since 1970 with their fraction, which a Date drops.
export const pgUnixMillisFraction = customType<{ data: Date; driverData: number | string }>({
  dataType: () => "NUMERIC",
  fromDriver: (value) => new Date(Math.floor(Number(value))),
  toDriver: (date) => date.getTime(),
});
)ts";

constexpr std::string_view kJulian =
    R"ts(// Days of SQLite's julianday(), good for about a millisecond.
export const pgJulian = customType<{ data: Date; driverData: number | string }>({
  dataType: () => "REAL",
  fromDriver: (value) => new Date(Math.round((Number(value) - 2440587.5) * 86400000)),
  toDriver: (date) => date.getTime() / 86400000 + 2440587.5,
});
)ts";

constexpr std::string_view kDays =
    R"ts(// Days since 1970-01-01, or an infinity.
export const pgDays = customType<{ data: number; driverData: number | string }>({
  dataType: () => "BIGINT",
  fromDriver: (value) => (value === "infinity" ? Infinity : value === "-infinity" ? -Infinity : Number(value)),
  toDriver: (days) => (Number.isFinite(days) ? days : days > 0 ? "infinity" : "-infinity"),
});
)ts";

constexpr std::string_view kFloat =
    R"ts(// A number, NaN or an infinity; those are text in the cache.
export const pgFloat = customType<{ data: number; driverData: number | string }>({
  dataType: () => "DOUBLE",
  fromDriver: Number,
  toDriver: (value) => (Number.isFinite(value) ? value : String(value)),
});
)ts";

constexpr std::string_view kDecimal =
    R"ts(// numeric(precision, scale) of at most 15 digits: a number in the cache, here the decimal text that Postgres prints.
export const pgDecimal = (name: string, precision: number, scale: number) =>
  customType<{ data: string; driverData: number | string }>({
    dataType: () => `DECIMAL(${precision},${scale})`,
    fromDriver: (value) => (typeof value === "number" ? value.toFixed(scale) : value),
    toDriver: (value) => (Number.isFinite(Number(value)) ? Number(value) : value),
  })(name);
)ts";

constexpr std::string_view kScaled =
    R"ts(// A decimal times 10^scale: an integer in the cache, here the decimal text.
export const pgScaled = (name: string, scale: number) =>
  selectedAsText(
    customType<{ data: string; driverData: number | string }>({
      dataType: () => "BIGINT",
      fromDriver: (value) => {
        const text = String(value);
        if (scale === 0 || !/^-?\d+$/.test(text)) return text;
        const sign = text.startsWith("-") ? "-" : "";
        const digits = text.slice(sign.length).padStart(scale + 1, "0");
        return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
      },
      toDriver: (value) => {
        if (!/^-?\d+(\.\d+)?$/.test(value)) return value;
        const [whole = "0", fraction = ""] = value.split(".");
        return String(BigInt(whole + fraction.padEnd(scale, "0").slice(0, scale)));
      },
    })(name),
  );
)ts";

constexpr std::string_view kIntegerText =
    R"ts(export const pgIntegerText = customType<{ data: number; driverData: string }>({
  dataType: () => "TEXT",
  fromDriver: Number,
  toDriver: String,
});
)ts";

constexpr std::string_view kBigintText =
    R"ts(export const pgBigintText = customType<{ data: bigint; driverData: string }>({
  dataType: () => "TEXT",
  fromDriver: BigInt,
  toDriver: String,
});
)ts";

constexpr std::string_view kBooleanText =
    R"ts(export const pgBooleanText = customType<{ data: boolean; driverData: string }>({
  dataType: () => "TEXT",
  fromDriver: (value) => value === "true",
  toDriver: String,
});
)ts";

constexpr std::string_view kEnumRank =
    R"ts(// The position of an enum's label.
export const pgEnumRank = <const Labels extends readonly string[]>(name: string, labels: Labels) =>
  customType<{ data: Labels[number]; driverData: number }>({
    dataType: () => "SMALLINT",
    fromDriver: (value) => labels[value] as Labels[number],
    toDriver: (label) => labels.indexOf(label),
  })(name);
)ts";

constexpr std::string_view kJsonb =
    R"ts(// SQLite's binary JSON.
const decodeJsonb = (bytes: Uint8Array): unknown => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let at = 0;
  const read = (): unknown => {
    const head = view.getUint8(at++);
    let size = head >> 4;
    if (size === 12) [size, at] = [view.getUint8(at), at + 1];
    else if (size === 13) [size, at] = [view.getUint16(at), at + 2];
    else if (size === 14) [size, at] = [view.getUint32(at), at + 4];
    else if (size === 15) [size, at] = [Number(view.getBigUint64(at)), at + 8];
    const end = at + size;
    const text = () => utf8.decode(bytes.subarray(at, end));
    const items = () => {
      const found: unknown[] = [];
      while (at < end) found.push(read());
      return found;
    };
    const value = (() => {
      switch (head & 15) {
        case 0: return null;
        case 1: return true;
        case 2: return false;
        case 3: case 5: return Number(text());
        case 7: case 10: return text();
        case 8: return JSON.parse(`"${text()}"`);
        case 11: return items();
        case 12: {
          const flat = items();
          return Object.fromEntries(flat.flatMap((key, i) => (i % 2 === 0 ? [[key, flat[i + 1]]] : [])));
        }
        default: throw new Error(`JSONB element of kind ${head & 15} does not come from Postgres`);
      }
    })();
    at = end;
    return value;
  };
  return read();
};
export const pgJsonb = customType<{ data: unknown; driverData: ArrayBuffer | Uint8Array }>({
  dataType: () => "BLOB",
  fromDriver: (value) => decodeJsonb(new Uint8Array(value)),
});
)ts";

constexpr std::string_view kBytesHex =
    R"ts(export const pgBytesHex = customType<{ data: Uint8Array; driverData: string }>({
  dataType: () => "TEXT",
  fromDriver: (value) => Uint8Array.from(value.match(/../g) ?? [], (digits) => parseInt(digits, 16)),
  toDriver: (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""),
});
)ts";

constexpr std::string_view kBytesBase64 =
    R"ts(export const pgBytesBase64 = customType<{ data: Uint8Array; driverData: string }>({
  dataType: () => "TEXT",
  fromDriver: (value) => Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0)),
  toDriver: (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")),
});
)ts";

constexpr std::string_view kUuidDigits =
    R"ts(const withDashes = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
)ts";

constexpr std::string_view kUuidBytes =
    R"ts(// 16 bytes; here the usual 36 characters.
export const pgUuidBytes = customType<{ data: string; driverData: ArrayBuffer | Uint8Array }>({
  dataType: () => "BLOB",
  fromDriver: (value) => withDashes(Array.from(new Uint8Array(value), (byte) => byte.toString(16).padStart(2, "0")).join("")),
  toDriver: (uuid) => Uint8Array.from(uuid.replaceAll("-", "").match(/../g) ?? [], (digits) => parseInt(digits, 16)),
});
)ts";

constexpr std::string_view kUuidHex =
    R"ts(// 32 digits; here the usual 36 characters.
export const pgUuidHex = customType<{ data: string; driverData: string }>({
  dataType: () => "TEXT",
  fromDriver: withDashes,
  toDriver: (uuid) => uuid.replaceAll("-", "").toLowerCase(),
});
)ts";

constexpr std::string_view kVector32 =
    R"ts(export const pgVector = (name: string, dimensions?: number) =>
  customType<{ data: Float32Array; driverData: ArrayBuffer | Uint8Array }>({
    dataType: () => (dimensions === undefined ? "BLOB" : `F32_BLOB(${dimensions})`),
    fromDriver: (value) => new Float32Array(new Uint8Array(value).buffer),
    toDriver: (vector) => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength),
  })(name);
)ts";

constexpr std::string_view kVector64 =
    R"ts(// Doubles, then a byte that says so.
export const pgVector64 = (name: string, dimensions?: number) =>
  customType<{ data: Float64Array; driverData: ArrayBuffer | Uint8Array }>({
    dataType: () => (dimensions === undefined ? "BLOB" : `F64_BLOB(${dimensions})`),
    fromDriver: (value) => new Float64Array(new Uint8Array(value).slice(0, -1).buffer),
    toDriver: (vector) => Uint8Array.of(...new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), 2),
  })(name);
)ts";

constexpr std::string_view kVector16 =
    R"ts(// Half floats, then a byte that says so.
export const pgVector16 = (name: string, dimensions?: number) =>
  customType<{ data: Float32Array; driverData: ArrayBuffer | Uint8Array }>({
    dataType: () => (dimensions === undefined ? "BLOB" : `F16_BLOB(${dimensions})`),
    fromDriver: (value) =>
      Float32Array.from(new Uint16Array(new Uint8Array(value).slice(0, -1).buffer), (half) => {
        const exponent = (half >> 10) & 31;
        const fraction = half & 1023;
        const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
        return half & 0x8000 ? -magnitude : magnitude;
      }),
  })(name);
)ts";

const auto& helpers() {
  static const auto all = std::to_array<DrizzleHelper>({
      {"selectedAsText", {}, {}, kSelectedAsText},
      {"pgTimestamptz", {}, {"customType"}, kTimestamptz},
      {"pgTimestamp", {}, {"customType"}, kTimestamp},
      {"pgSqliteTimestamp", {}, {"customType"}, kSqliteTimestamp},
      {"pgUnixMillis", {"selectedAsText"}, {"customType"}, kUnixMillis},
      {"pgUnixMicros", {"selectedAsText"}, {"customType"}, kUnixMicros},
      {"pgUnixMillisFraction", {}, {"customType"}, kUnixMillisFraction},
      {"pgJulian", {}, {"customType"}, kJulian},
      {"pgDays", {}, {"customType"}, kDays},
      {"pgFloat", {}, {"customType"}, kFloat},
      {"pgDecimal", {}, {"customType"}, kDecimal},
      {"pgScaled", {"selectedAsText"}, {"customType"}, kScaled},
      {"pgIntegerText", {}, {"customType"}, kIntegerText},
      {"pgBigintText", {}, {"customType"}, kBigintText},
      {"pgBooleanText", {}, {"customType"}, kBooleanText},
      {"pgEnumRank", {}, {"customType"}, kEnumRank},
      {"pgJsonb", {}, {"customType"}, kJsonb},
      {"pgBytesHex", {}, {"customType"}, kBytesHex},
      {"pgBytesBase64", {}, {"customType"}, kBytesBase64},
      {"withDashes", {}, {}, kUuidDigits},
      {"pgUuidBytes", {"withDashes"}, {"customType"}, kUuidBytes},
      {"pgUuidHex", {"withDashes"}, {"customType"}, kUuidHex},
      {"pgVector", {}, {"customType"}, kVector32},
      {"pgVector64", {}, {"customType"}, kVector64},
      {"pgVector16", {}, {"customType"}, kVector16},
  });
  return all;
}

std::string labels_of(const ClientColumn& column) {
  std::string text;
  for (const auto& label : column.type->labels) text += (text.empty() ? "" : ", ") + quoted_literal(label);
  return "[" + text + "]";
}

// The helper whose only argument is the name.
std::string_view plain_helper(ClientValue value) {
  static const std::map<ClientValue, std::string_view> kHelpers = {
      {V::BooleanText, "pgBooleanText"},
      {V::IntegerText, "pgIntegerText"},
      {V::BigIntegerText, "pgBigintText"},
      {V::Float, "pgFloat"},
      {V::Jsonb, "pgJsonb"},
      {V::BytesHex, "pgBytesHex"},
      {V::BytesBase64, "pgBytesBase64"},
      {V::UuidBytes, "pgUuidBytes"},
      {V::UuidHex, "pgUuidHex"},
      {V::Timestamptz, "pgTimestamptz"},
      {V::Timestamp, "pgTimestamp"},
      {V::SqliteTimestamp, "pgSqliteTimestamp"},
      {V::UnixMillis, "pgUnixMillis"},
      {V::UnixMicros, "pgUnixMicros"},
      {V::UnixMillisFraction, "pgUnixMillisFraction"},
      {V::Julian, "pgJulian"},
      {V::Days, "pgDays"},
  };
  const auto found = kHelpers.find(value);
  return found == kHelpers.end() ? std::string_view() : found->second;
}

}  // namespace

std::span<const DrizzleHelper> drizzle_helpers() { return helpers(); }

DrizzleColumn drizzle_column(const ClientColumn& column, bool int8_number) {
  const auto name = quoted_literal(column.name);
  const auto built_in = [&](std::string_view function, const std::string& options = {}) {
    return DrizzleColumn{fmt::format("{}({}{})", function, name, options), {function}, {}};
  };
  const auto own = [&](std::string_view helper, const std::string& options = {}) {
    return DrizzleColumn{fmt::format("{}({}{})", helper, name, options), {}, helper};
  };
  const auto dimensions = column.scale > 0 ? fmt::format(", {}", column.scale) : std::string();
  if (const auto helper = plain_helper(column.value); !helper.empty()) return own(helper);
  switch (column.value) {
    case V::Boolean:
      return built_in("integer", ", { mode: \"boolean\" }");
    case V::Integer:
    case V::Unsigned32:
      return built_in("integer");
    case V::BigInteger:
      if (int8_number && column.type && column.type->kind == "int8") return built_in("integer");
      return built_in("numeric", ", { mode: \"bigint\" }");
    case V::UnixSeconds:
      return built_in("integer", ", { mode: \"timestamp\" }");
    case V::Decimal:
      return own("pgDecimal", fmt::format(", {}, {}", column.precision, column.scale));
    case V::ScaledDecimal:
      return own("pgScaled", fmt::format(", {}", column.scale));
    case V::Enum:
      return built_in("text", column.type->labels.empty() ? "" : ", { enum: " + labels_of(column) + " }");
    case V::EnumRank:
      return own("pgEnumRank", ", " + labels_of(column));
    case V::Json: {
      auto json = built_in("text", ", { mode: \"json\" }");
      json.expression += ".$type<" + json_type(*column.type) + ">()";
      return json;
    }
    case V::Bytes:
      return built_in("blob", ", { mode: \"buffer\" }");
    case V::Vector32:
      return own("pgVector", dimensions);
    case V::Vector64:
      return own("pgVector64", dimensions);
    case V::Vector16:
      return own("pgVector16", dimensions);
    default:
      return built_in("text");
  }
}

}  // namespace walbridge::mapping
