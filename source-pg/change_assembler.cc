#include "source-pg/change_assembler.h"

#include <variant>

#include <fmt/format.h>

#include "pipeline/api/log.h"
#include "source-pg/schema_message.h"

namespace walbridge::source_pg {
namespace {

// Begin and Commit carry no views: the two of three messages of a small transaction that need no copy.
bool has_views(std::string_view payload) {
  return payload.empty() || (payload.front() != 'B' && payload.front() != 'C');
}

bool fits(std::span<const WireValue> row, const Relation& relation) { return row.size() == relation.columns.size(); }

}  // namespace

void ChangeAssembler::trust(const std::string& token) {
  schema_prefix_ = token.empty() ? std::string() : schema_message_prefix(token);
  mark_prefix_ = token.empty() ? std::string() : mark_message_prefix(token);
}

void ChangeAssembler::restart() {
  said_ = false;
  open_commit_lsn_.reset();
  last_commit_lsn_ = last_end_lsn_ = {};
  relations_.forget_announcements();
}

Status ChangeAssembler::append(std::string_view payload, Chunk& into) {
  const std::string_view owned = has_views(payload) ? into.arena.copy(payload) : payload;
  WALBRIDGE_TRY_AS(const pgoutput::AnyMessage message, pgoutput::decode(owned, into.arena));
  return std::visit([&](const auto& known) { return on(known, into); }, message);
}

Status ChangeAssembler::on(const pgoutput::Begin& message, Chunk& into) {
  if (in_transaction()) return pgoutput::protocol_error("a transaction begins inside another one");
  // The skip rule of I3 stands on it.
  if (message.final_lsn <= last_commit_lsn_) {
    return pgoutput::protocol_error(fmt::format("a transaction that commits at {} comes after one that committed at {}",
                                                to_string(message.final_lsn), to_string(last_commit_lsn_)));
  }
  open_commit_lsn_ = message.final_lsn;
  into.events.emplace_back(TxBegin{message.xid, message.final_lsn, message.committed_at});
  return {};
}

Status ChangeAssembler::on(const pgoutput::Commit& message, Chunk& into) {
  if (!in_transaction()) return pgoutput::protocol_error("a commit comes without a transaction");
  if (message.commit_lsn != *open_commit_lsn_ || message.end_lsn < message.commit_lsn) {
    return pgoutput::protocol_error(fmt::format("the transaction that began for commit at {} commits at {}, ends at {}",
                                                to_string(*open_commit_lsn_), to_string(message.commit_lsn),
                                                to_string(message.end_lsn)));
  }
  open_commit_lsn_.reset();
  last_commit_lsn_ = message.commit_lsn;
  last_end_lsn_ = message.end_lsn;
  into.events.emplace_back(TxCommit{message.commit_lsn, message.end_lsn, message.committed_at});
  return {};
}

// Where a change was first made does not matter to a cache.
Status ChangeAssembler::on(const pgoutput::Origin&, Chunk&) { return {}; }

Status ChangeAssembler::on(const pgoutput::Relation& message, Chunk&) {
  relations_.announce(message);
  return {};
}

// The catalog tells more about a type than its name.
Status ChangeAssembler::on(const pgoutput::Type&, Chunk&) { return {}; }

Status ChangeAssembler::on(const pgoutput::Insert& message, Chunk& into) {
  RowChange change;
  change.op = RowChange::Op::Insert;
  change.new_row = message.new_row;
  return append_row(message.oid, 'I', change, into);
}

Status ChangeAssembler::on(const pgoutput::Update& message, Chunk& into) {
  RowChange change;
  change.op = RowChange::Op::Update;
  change.old_kind = message.old_kind;
  change.old_row = message.old_row;
  change.new_row = message.new_row;
  return append_row(message.oid, 'U', change, into);
}

Status ChangeAssembler::on(const pgoutput::Delete& message, Chunk& into) {
  RowChange change;
  change.op = RowChange::Op::Delete;
  change.old_kind = message.old_kind;
  change.old_row = message.old_row;
  return append_row(message.oid, 'D', change, into);
}

Status ChangeAssembler::on(const pgoutput::Truncate& message, Chunk& into) {
  const std::span<const Relation*> relations = into.arena.array<const Relation*>(message.oids.size());
  for (std::size_t i = 0; i < relations.size(); ++i) {
    WALBRIDGE_TRY_AS(relations[i], relation(message.oids[i], 'T', into));
  }
  into.events.emplace_back(Truncated{relations});
  return {};
}

// A non-transactional message arrives at once, before and apart from its transaction, and survives a rollback: it has
// no place in commit order. Any role may send messages, and other programs do.
Status ChangeAssembler::on(const pgoutput::Message& message, Chunk& into) {
  if (!message.transactional) return {};
  if (!in_transaction()) return pgoutput::protocol_error("a transactional message comes outside a transaction");
  if (!message.prefix.starts_with(kMessagePrefix) || message.prefix == kPadPrefix) return {};
  if (!schema_prefix_.empty() && message.prefix == schema_prefix_) {
    into.news.push_back(std::make_shared<const SchemaNews>(decode_schema_message(message.content)));
    into.events.emplace_back(SchemaChanged{into.news.back().get()});
  } else if (!mark_prefix_.empty() && message.prefix == mark_prefix_) {
    const auto chunk = decode_mark_message(message.content);
    if (chunk) into.events.emplace_back(BackfillMark{*chunk});
    if (!chunk) say_once("dropped a mark in the stream that is no number");
  } else {
    say_once("dropped a message in the stream that has walbridge's name but not this bridge's token");
  }
  return {};
}

void ChangeAssembler::say_once(std::string_view what) {
  if (!said_) log::warn(what);
  said_ = true;
}

Result<const Relation*> ChangeAssembler::relation(std::uint32_t oid, char tag, Chunk& into) {
  if (!in_transaction()) {
    return pgoutput::protocol_error(fmt::format("a change, tag '{}', comes outside a transaction", tag));
  }
  RelationCache::Entry* entry = relations_.find(oid);
  if (entry == nullptr) {
    return pgoutput::protocol_error(
        fmt::format("a change, tag '{}', of relation {} comes before the relation was described", tag, oid));
  }
  if (entry->kept_alive_by != fill_) {
    into.relations.push_back(entry->relation);
    entry->kept_alive_by = fill_;
  }
  return entry->relation.get();
}

Status ChangeAssembler::append_row(std::uint32_t oid, char tag, RowChange change, Chunk& into) {
  WALBRIDGE_TRY_AS(change.relation, relation(oid, tag, into));
  const bool old_fits = change.old_kind == RowChange::Old::None || fits(change.old_row, *change.relation);
  const bool new_fits = change.op == RowChange::Op::Delete || fits(change.new_row, *change.relation);
  if (!old_fits || !new_fits) {
    return pgoutput::protocol_error(fmt::format("a change, tag '{}', of {}.{} does not have its {} columns", tag,
                                                change.relation->schema, change.relation->name,
                                                change.relation->columns.size()));
  }
  into.events.emplace_back(change);
  return {};
}

}  // namespace walbridge::source_pg
