#include "source-pg/pgoutput.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "source-pg/wire_cursor.h"

namespace walbridge::source_pg::pgoutput {
namespace {

// Each decode_x reads the fields after the tag and may leave the cursor failed; decode() looks once, at the end.

Lsn lsn(WireCursor& in) { return {in.u64()}; }

// In the range where the move to the Unix epoch cannot overflow; Postgres' own timestamps end long before.
Timestamp timestamp(WireCursor& in) {
  const std::int64_t micros = in.i64();
  if (micros > INT64_MAX - kPostgresEpochMicros) {
    in.fail();
    return {};
  }
  return from_postgres_micros(micros);
}

// A bit we do not know could change the meaning of what follows.
std::uint8_t flags(WireCursor& in, std::uint8_t known) {
  const std::uint8_t value = in.u8();
  if ((value & ~known) != 0) in.fail();
  return value;
}

// Counts are checked against the bytes that are left before anything is allocated for them.
std::size_t count(WireCursor& in, std::size_t declared, std::size_t least_bytes_each) {
  if (declared > in.remaining() / least_bytes_each) in.fail();
  return in.failed() ? 0 : declared;
}

// Int32 lengths and counts are signed on the wire: a negative one is far above any remaining size.
std::size_t length(WireCursor& in) { return in.u32(); }

WireValue column(WireCursor& in) {
  WireValue value;
  switch (in.u8()) {
    case 'n':
      value.kind = WireValue::Kind::Null;
      break;
    case 'u':
      value.kind = WireValue::Kind::Unchanged;
      break;
    case 't':
      value.kind = WireValue::Kind::Text;
      value.text = in.take(length(in));
      break;
    default:
      in.fail();  // 'b', binary, is never asked for
  }
  return value;
}

Tuple tuple(WireCursor& in, Arena& arena) {
  const std::size_t columns = count(in, in.u16(), 1);
  const std::span<WireValue> row = arena.array<WireValue>(columns);
  for (WireValue& value : row) {
    if (in.failed()) return {};
    value = column(in);
  }
  return row;
}

void expect(WireCursor& in, char tag) {
  if (in.u8() != static_cast<unsigned char>(tag)) in.fail();
}

RowChange::Old old_kind(WireCursor& in, std::uint8_t tag) {
  if (tag == 'K') return RowChange::Old::Key;
  if (tag == 'O') return RowChange::Old::Full;
  in.fail();
  return RowChange::Old::None;
}

Begin decode_begin(WireCursor& in) {
  Begin message;
  message.final_lsn = lsn(in);
  message.committed_at = timestamp(in);
  message.xid = in.u32();
  return message;
}

Commit decode_commit(WireCursor& in) {
  Commit message;
  flags(in, 0);
  message.commit_lsn = lsn(in);
  message.end_lsn = lsn(in);
  message.committed_at = timestamp(in);
  return message;
}

Origin decode_origin(WireCursor& in) {
  Origin message;
  message.commit_lsn = lsn(in);
  message.name = in.string();
  return message;
}

ReplicaIdentity replica_identity(WireCursor& in) {
  const std::uint8_t value = in.u8();
  switch (value) {
    case 'd':
    case 'n':
    case 'f':
    case 'i':
      return static_cast<ReplicaIdentity>(value);
    default:
      in.fail();
      return ReplicaIdentity::Default;
  }
}

Relation decode_relation(WireCursor& in, Arena& arena) {
  constexpr std::size_t kLeastColumnBytes = 1 + 1 + 4 + 4;
  Relation message;
  message.oid = in.u32();
  message.schema = in.string();
  message.name = in.string();
  message.replica_identity = replica_identity(in);
  const std::span<RelationColumn> columns = arena.array<RelationColumn>(count(in, in.u16(), kLeastColumnBytes));
  for (RelationColumn& column : columns) {
    if (in.failed()) break;
    column.key = flags(in, 1) != 0;
    column.name = in.string();
    column.type_oid = in.u32();
    column.typmod = in.i32();
  }
  message.columns = columns;
  return message;
}

Type decode_type(WireCursor& in) {
  Type message;
  message.oid = in.u32();
  message.schema = in.string();
  message.name = in.string();
  return message;
}

Insert decode_insert(WireCursor& in, Arena& arena) {
  Insert message;
  message.oid = in.u32();
  expect(in, 'N');
  message.new_row = tuple(in, arena);
  return message;
}

Update decode_update(WireCursor& in, Arena& arena) {
  Update message;
  message.oid = in.u32();
  std::uint8_t tag = in.u8();
  if (tag != 'N') {
    message.old_kind = old_kind(in, tag);
    message.old_row = tuple(in, arena);
    tag = in.u8();
  }
  if (tag != 'N') in.fail();
  message.new_row = tuple(in, arena);
  return message;
}

Delete decode_delete(WireCursor& in, Arena& arena) {
  Delete message;
  message.oid = in.u32();
  message.old_kind = old_kind(in, in.u8());
  message.old_row = tuple(in, arena);
  return message;
}

Truncate decode_truncate(WireCursor& in, Arena& arena) {
  Truncate message;
  const std::size_t declared = length(in);
  const std::uint8_t options = flags(in, 3);
  message.cascade = (options & 1) != 0;
  message.restart_identity = (options & 2) != 0;
  const std::span<std::uint32_t> oids = arena.array<std::uint32_t>(count(in, declared, 4));
  for (std::uint32_t& oid : oids) oid = in.u32();
  message.oids = oids;
  return message;
}

Message decode_message(WireCursor& in) {
  Message message;
  message.transactional = flags(in, 1) != 0;
  message.lsn = lsn(in);
  message.prefix = in.string();
  message.content = in.take(length(in));
  return message;
}

// Tags that only a stream with a higher proto_version may carry.
const char* later_version(std::uint8_t tag) {
  switch (tag) {
    case 'S':
      return "stream start (version 2)";
    case 'E':
      return "stream stop (version 2)";
    case 'c':
      return "stream commit (version 2)";
    case 'A':
      return "stream abort (version 2)";
    case 'b':
      return "begin prepare (version 3)";
    case 'P':
      return "prepare (version 3)";
    case 'K':
      return "commit prepared (version 3)";
    case 'r':
      return "rollback prepared (version 3)";
    case 'p':
      return "stream prepare (version 3)";
    default:
      return nullptr;
  }
}

std::string tag_name(std::uint8_t tag) {
  return tag > 0x20 && tag < 0x7f ? fmt::format("'{}'", static_cast<char>(tag)) : fmt::format("0x{:02x}", tag);
}

Error unknown_tag(std::uint8_t tag) {
  if (const char* later = later_version(tag)) {
    return protocol_error(
        fmt::format("the server sent {}, tag {}, although version 1 was asked for", later, tag_name(tag)));
  }
  return protocol_error(fmt::format("the server sent a message with the unknown tag {}", tag_name(tag)));
}

Result<AnyMessage> finish(AnyMessage message, const WireCursor& in, std::uint8_t tag) {
  if (in.failed()) {
    return protocol_error(fmt::format("malformed or truncated message {} at offset {} of {}", tag_name(tag),
                                      in.offset(), in.offset() + in.remaining()));
  }
  if (!in.at_end()) {
    return protocol_error(
        fmt::format("message {} has {} bytes too many after offset {}", tag_name(tag), in.remaining(), in.offset()));
  }
  return message;
}

}  // namespace

Result<AnyMessage> decode(std::string_view payload, Arena& arena) {
  WireCursor in(payload);
  const std::uint8_t tag = in.u8();
  if (in.failed()) return protocol_error("the server sent an empty message");
  switch (tag) {
    case 'B':
      return finish(decode_begin(in), in, tag);
    case 'C':
      return finish(decode_commit(in), in, tag);
    case 'O':
      return finish(decode_origin(in), in, tag);
    case 'R':
      return finish(decode_relation(in, arena), in, tag);
    case 'Y':
      return finish(decode_type(in), in, tag);
    case 'I':
      return finish(decode_insert(in, arena), in, tag);
    case 'U':
      return finish(decode_update(in, arena), in, tag);
    case 'D':
      return finish(decode_delete(in, arena), in, tag);
    case 'T':
      return finish(decode_truncate(in, arena), in, tag);
    case 'M':
      return finish(decode_message(in), in, tag);
    default:
      return unknown_tag(tag);
  }
}

Error protocol_error(std::string_view message) {
  return {Verdict::Operator, "protocol", "replication stream: " + std::string(message),
          "check that `source.url` reaches a Postgres server of version 14 to 18 without a proxy that alters the "
          "stream; if it does, report this message together with the server's version"};
}

}  // namespace walbridge::source_pg::pgoutput
