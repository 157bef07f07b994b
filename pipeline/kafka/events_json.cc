#include <variant>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pipeline/kafka/event_codec.h"

namespace walbridge::kafka {
namespace {

std::string json_string(std::string_view text) {
  using Json = nlohmann::json;
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string json_name(const std::string& schema, const std::string& name) { return json_string(schema + "." + name); }

// Writes {…} and […]: commas between what is added.
class JsonText {
 public:
  void open(char bracket) {
    separate();
    text_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    text_ += bracket;
    first_ = false;
  }
  void key(std::string_view name) {
    separate();
    text_ += json_string(name);
    text_ += ':';
    first_ = true;  // no comma before the value
  }
  void raw(std::string_view value) {
    separate();
    text_ += value;
  }
  void member(std::string_view name, std::string_view raw_value) {
    key(name);
    raw(raw_value);
  }
  std::string take() { return std::move(text_); }

 private:
  void separate() {
    if (!first_) text_ += ',';
    first_ = false;
  }

  std::string text_;
  bool first_ = true;
};

void add_row(std::string_view name, const Relation& relation, std::span<const WireValue> row, bool key_only,
             JsonText& to) {
  to.key(name);
  to.open('{');
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Relation::Column& column = relation.columns[i];
    if (key_only && !column.key) continue;
    switch (row[i].kind) {
      case WireValue::Kind::Null:
        to.member(column.name, "null");
        break;
      case WireValue::Kind::Unchanged:
        to.member(column.name, R"({"unchanged":true})");
        break;
      case WireValue::Kind::Text:
        to.member(column.name, json_string(row[i].text));
        break;
    }
  }
  to.close('}');
}

void add_oids(std::string_view name, const std::vector<std::uint32_t>& oids, JsonText& to) {
  if (!oids.empty()) to.member(name, fmt::format("[{}]", fmt::join(oids, ",")));
}

struct EventText {
  JsonText& to;

  void operator()(const TxBegin& begin) const {
    to.member("op", R"("begin")");
    to.member("xid", std::to_string(begin.xid));
    to.member("lsn", json_string(to_string(begin.commit_lsn)));
    to.member("at", json_string(to_iso(begin.committed_at)));
  }
  void operator()(const TxCommit& commit) const {
    to.member("op", R"("commit")");
    to.member("lsn", json_string(to_string(commit.commit_lsn)));
    to.member("end_lsn", json_string(to_string(commit.end_lsn)));
    to.member("at", json_string(to_iso(commit.committed_at)));
  }
  void operator()(const RowChange& change) const {
    const Relation& relation = *change.relation;
    const bool deletes = change.op == RowChange::Op::Delete;
    to.member("op", change.op == RowChange::Op::Insert ? R"("insert")" : deletes ? R"("delete")" : R"("update")");
    to.member("table", json_name(relation.schema, relation.name));
    if (!deletes) add_row("new", relation, change.new_row, false, to);
    if (change.old_kind == RowChange::Old::None) return;
    add_row("old", relation, change.old_row, change.old_kind == RowChange::Old::Key, to);
  }
  void operator()(const Truncated& truncated) const {
    to.member("op", R"("truncate")");
    to.key("tables");
    to.open('[');
    for (const Relation* relation : truncated.relations) to.raw(json_name(relation->schema, relation->name));
    to.close(']');
  }
  void operator()(const SchemaChanged& changed) const {
    const SchemaNews& news = *changed.news;
    to.member("op", R"("schema")");
    to.member("tag", json_string(news.tag));
    to.key("tables");
    to.open('[');
    for (const auto& table : news.tables) to.raw(table->json);
    to.close(']');
    add_oids("gone", news.gone, to);
    add_oids("rewritten", news.rewritten, to);
    add_oids("requested", news.requested, to);
    if (news.late) to.member("late", "true");
    if (news.incomplete) to.member("incomplete", "true");
  }
  void operator()(const BackfillMark& mark) const {
    to.member("op", R"("mark")");
    to.member("chunk", std::to_string(mark.chunk));
  }
  void operator()(const IdlePosition&) const {}
};

}  // namespace

Result<std::string> events_as_json(std::string_view value) {
  EventReader reader;
  Chunk chunk;
  WALBRIDGE_TRY(reader.read(value, chunk));
  JsonText text;
  text.open('[');
  for (const Event& event : chunk.events) {
    text.open('{');
    std::visit(EventText{text}, event);
    text.close('}');
  }
  text.close(']');
  return text.take();
}

}  // namespace walbridge::kafka
