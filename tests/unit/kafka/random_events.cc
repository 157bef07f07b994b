#include "tests/unit/kafka/random_events.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <variant>

#include <fmt/format.h>

#include "pipeline/api/source_json.h"

namespace walbridge::kafka::testing {
namespace {

constexpr std::size_t kRelations = 4;

std::string to_text(std::span<const WireValue> row) {
  std::string text = "(";
  for (const WireValue& value : row) {
    text += fmt::format("{}:{:?},", static_cast<int>(value.kind), std::string(value.text));
  }
  return text + ")";
}

std::string to_text(const std::vector<std::uint32_t>& oids) { return fmt::format("[{}]", fmt::join(oids, ",")); }

struct Text {
  std::string operator()(const TxBegin& event) const {
    return fmt::format("begin {} {} {}", event.xid, event.commit_lsn.value, event.committed_at.micros);
  }
  std::string operator()(const TxCommit& event) const {
    return fmt::format("commit {} {} {} {}", event.commit_lsn.value, event.end_lsn.value, event.committed_at.micros,
                       event.resume_offset);
  }
  std::string operator()(const RowChange& event) const {
    return fmt::format("change {} {} of {}: {} -> {}", static_cast<int>(event.op), static_cast<int>(event.old_kind),
                       testing::to_text(*event.relation), to_text(event.old_row), to_text(event.new_row));
  }
  std::string operator()(const Truncated& event) const {
    std::string text = "truncate";
    for (const Relation* relation : event.relations) text += " " + testing::to_text(*relation);
    return text;
  }
  std::string operator()(const SchemaChanged& event) const {
    const SchemaNews& news = *event.news;
    std::string text = fmt::format("schema {:?} {} {} {} {} {}", news.tag, news.late, news.incomplete,
                                   to_text(news.gone), to_text(news.rewritten), to_text(news.requested));
    for (const auto& table : news.tables) {
      text += fmt::format(" {} {} {} {}", table->qualified_name(), table->json, table->estimated_rows, table->bytes);
    }
    return text;
  }
  std::string operator()(const BackfillMark& event) const { return fmt::format("mark {}", event.chunk); }
  std::string operator()(const IdlePosition& event) const { return fmt::format("idle {}", event.lsn.value); }
};

}  // namespace

RandomEvents::RandomEvents(std::uint64_t seed) : random_(seed) {
  for (std::size_t i = 0; i < kRelations; ++i) {
    auto made = std::make_shared<Relation>();
    made->oid = static_cast<std::uint32_t>(random_());
    made->schema = text();
    made->name = text();
    constexpr ReplicaIdentity kIdentities[] = {ReplicaIdentity::Default, ReplicaIdentity::Nothing,
                                               ReplicaIdentity::Full, ReplicaIdentity::Index};
    made->replica_identity = kIdentities[below(4)];
    const std::size_t columns = i == 0 ? 0 : below(9);
    for (std::size_t column = 0; column < columns; ++column) {
      made->columns.push_back(
          {text(), static_cast<std::uint32_t>(random_()), static_cast<std::int32_t>(random_()), below(2) == 0});
    }
    relations_.push_back(std::move(made));
  }
}

std::size_t RandomEvents::below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }

std::uint64_t RandomEvents::number() { return random_() >> below(64); }

std::string RandomEvents::text() {
  constexpr std::size_t kSizes[] = {0, 1, 5, 20, 125, 126, 127, 128, 300, 16'382};
  std::string made(kSizes[below(below(20) == 0 ? 10 : 6)], '\0');
  for (char& c : made) c = static_cast<char>(random_());
  return made;
}

std::shared_ptr<const Relation> RandomEvents::relation() { return relations_[below(relations_.size())]; }

std::vector<WireValue> RandomEvents::row(std::size_t columns, Arena& arena) {
  std::vector<WireValue> made(columns);
  for (WireValue& value : made) {
    value.kind = static_cast<WireValue::Kind>(below(3));
    if (value.kind == WireValue::Kind::Text) value.text = arena.copy(text());
  }
  return made;
}

Event RandomEvents::change(Chunk& into) {
  into.relations.push_back(relation());
  RowChange made;
  made.relation = into.relations.back().get();
  made.op = static_cast<RowChange::Op>(below(3));
  if (made.op == RowChange::Op::Update) made.old_kind = static_cast<RowChange::Old>(below(3));
  if (made.op == RowChange::Op::Delete) made.old_kind = static_cast<RowChange::Old>(1 + below(2));
  const auto row_of = [&] {
    const auto values = row(made.relation->columns.size(), into.arena);
    const std::span<WireValue> kept = into.arena.array<WireValue>(values.size());
    std::copy(values.begin(), values.end(), kept.begin());
    return kept;
  };
  if (made.old_kind != RowChange::Old::None) made.old_row = row_of();
  if (made.op != RowChange::Op::Delete) made.new_row = row_of();
  return made;
}

Event RandomEvents::truncate(Chunk& into) {
  const std::span<const Relation*> relations = into.arena.array<const Relation*>(below(4));
  for (const Relation*& one : relations) {
    into.relations.push_back(relation());
    one = into.relations.back().get();
  }
  return Truncated{relations};
}

Event RandomEvents::news(Chunk& into) {
  auto made = std::make_shared<SchemaNews>();
  const auto oids = [&] {
    std::vector<std::uint32_t> list(below(3));
    for (auto& oid : list) oid = static_cast<std::uint32_t>(number());
    return list;
  };
  for (std::size_t i = below(3); i > 0; --i) {
    auto table = described_table(static_cast<std::uint32_t>(1 + below(1'000)), "t\u00e9st\"" + std::to_string(i));
    table.estimated_rows = static_cast<double>(number()) / 3 - 1;
    table.bytes = number();
    made->tables.push_back(std::make_shared<const SourceTable>(std::move(table)));
  }
  made->gone = oids();
  made->rewritten = oids();
  made->requested = oids();
  made->late = below(2) == 0;
  made->incomplete = below(2) == 0;
  made->tag = text();
  into.news.push_back(std::move(made));
  return SchemaChanged{into.news.back().get()};
}

void RandomEvents::append_transactions(std::size_t count, Chunk& into) {
  for (; count > 0; --count) {
    const Lsn commit{lsn_ += 1 + below(1'000)};
    const Timestamp at{static_cast<std::int64_t>(number())};
    into.events.emplace_back(TxBegin{static_cast<std::uint32_t>(random_()), commit, at});
    for (std::size_t left = below(12); left > 0; --left) {
      const std::size_t kind = below(20);
      into.events.push_back(kind == 0   ? truncate(into)
                            : kind == 1 ? news(into)
                            : kind == 2 ? Event(BackfillMark{number()})
                                        : change(into));
    }
    into.events.emplace_back(TxCommit{commit, Lsn{commit.value + below(3)}, at});
  }
}

std::string to_text(const Event& event) { return std::visit(Text{}, event); }

std::string to_text(const Relation& relation) {
  std::string text = fmt::format("{} {:?}.{:?} {}", relation.oid, relation.schema, relation.name,
                                 static_cast<char>(relation.replica_identity));
  for (const auto& column : relation.columns) {
    text += fmt::format(" {:?} {} {} {}", column.name, column.type_oid, column.typmod, column.key);
  }
  return text;
}

std::vector<std::string> to_texts(const Chunk& chunk) {
  std::vector<std::string> texts;
  for (const Event& event : chunk.events) texts.push_back(to_text(event));
  return texts;
}

SourceTable described_table(std::uint32_t oid, const std::string& name) {
  std::string quoted;
  for (const char c : name) quoted += c == '"' ? std::string("\\\"") : std::string(1, c);
  auto table = source_table_from_json(
      fmt::format(R"({{"v":1,"oid":{},"schema":"public","name":"{}","kind":"r","persistence":"p","identity":"d",)"
                  R"("columns":[{{"attnum":1,"name":"id","type":23,"sql":"integer","not_null":true}}],)"
                  R"("types":{{"23":{{"name":"int4","kind":"b","category":"N"}}}}}})",
                  oid, quoted));
  if (!table) throw std::runtime_error(table.error().message);
  return *std::move(table);
}

}  // namespace walbridge::kafka::testing
