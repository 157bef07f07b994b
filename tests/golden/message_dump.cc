#include "tests/golden/message_dump.h"

#include <variant>

#include <fmt/format.h>

namespace walbridge::golden {
namespace {

namespace pgoutput = source_pg::pgoutput;

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string value(const WireValue& value) {
  switch (value.kind) {
    case WireValue::Kind::Null:
      return "null";
    case WireValue::Kind::Unchanged:
      return "unchanged";
    case WireValue::Kind::Text:
      break;
  }
  if (value.text.size() <= 64) return quoted(value.text);
  return fmt::format("{}... {} bytes", quoted(value.text.substr(0, 16)), value.text.size());
}

std::string row(pgoutput::Tuple tuple) {
  std::string out = "(";
  for (const WireValue& each : tuple) out += (out.size() > 1 ? ", " : "") + value(each);
  return out + ")";
}

std::string old_row(RowChange::Old kind, pgoutput::Tuple tuple) {
  switch (kind) {
    case RowChange::Old::None:
      return "";
    case RowChange::Old::Key:
      return " old key " + row(tuple);
    case RowChange::Old::Full:
      return " old row " + row(tuple);
  }
  return "?";
}

struct Dump {
  std::string operator()(const pgoutput::Begin& m) const {
    return fmt::format("begin final={} xid={} at={}", to_string(m.final_lsn), m.xid, to_iso(m.committed_at));
  }
  std::string operator()(const pgoutput::Commit& m) const {
    return fmt::format("commit commit={} end={} at={}", to_string(m.commit_lsn), to_string(m.end_lsn),
                       to_iso(m.committed_at));
  }
  std::string operator()(const pgoutput::Origin& m) const {
    return fmt::format("origin commit={} name={}", to_string(m.commit_lsn), quoted(m.name));
  }
  std::string operator()(const pgoutput::Relation& m) const {
    std::string out = fmt::format("relation {} schema={} name={} identity={}", m.oid, quoted(m.schema), quoted(m.name),
                                  static_cast<char>(m.replica_identity));
    for (const auto& c : m.columns) {
      out += fmt::format("\n  {}{} type={} typmod={}", c.key ? "*" : " ", quoted(c.name), c.type_oid, c.typmod);
    }
    return out;
  }
  std::string operator()(const pgoutput::Type& m) const {
    return fmt::format("type {} schema={} name={}", m.oid, quoted(m.schema), quoted(m.name));
  }
  std::string operator()(const pgoutput::Insert& m) const {
    return fmt::format("insert {} new row {}", m.oid, row(m.new_row));
  }
  std::string operator()(const pgoutput::Update& m) const {
    return fmt::format("update {}{} new row {}", m.oid, old_row(m.old_kind, m.old_row), row(m.new_row));
  }
  std::string operator()(const pgoutput::Delete& m) const {
    return fmt::format("delete {}{}", m.oid, old_row(m.old_kind, m.old_row));
  }
  std::string operator()(const pgoutput::Truncate& m) const {
    return fmt::format("truncate {}{}{}", fmt::join(m.oids, ","), m.cascade ? " cascade" : "",
                       m.restart_identity ? " restart identity" : "");
  }
  std::string operator()(const pgoutput::Message& m) const {
    return fmt::format("message {} lsn={} prefix={} content={}", m.transactional ? "transactional" : "immediate",
                       to_string(m.lsn), quoted(m.prefix), quoted(m.content));
  }
};

}  // namespace

std::string dump(const pgoutput::AnyMessage& message) { return std::visit(Dump{}, message); }

}  // namespace walbridge::golden
