// The codec of the Kafka topic alone: rows per second into the bytes of a block and back, for small rows in
// transactions of one row and of a thousand.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "pipeline/kafka/event_codec.h"

namespace {

using namespace walbridge;

constexpr std::size_t kRows = 1'000;
constexpr std::size_t kColumns = 6;

Chunk chunk_of(std::size_t rows_per_transaction) {
  auto relation = std::make_shared<Relation>();
  relation->oid = 16'400;
  relation->schema = "public";
  relation->name = "orders";
  for (std::size_t i = 0; i < kColumns; ++i)
    relation->columns.push_back({"column_" + std::to_string(i), 25, -1, i == 0});
  Chunk chunk;
  chunk.relations.push_back(relation);
  for (std::size_t row = 0; row < kRows; ++row) {
    const Lsn lsn{0x16'0000'0000 + 100 * (row / rows_per_transaction + 1)};
    if (row % rows_per_transaction == 0) chunk.events.emplace_back(TxBegin{700, lsn, Timestamp{1'790'000'000'000'000}});
    const auto values = chunk.arena.array<WireValue>(kColumns);
    for (std::size_t i = 0; i + 1 < kColumns; ++i) {
      values[i] = {WireValue::Kind::Text, chunk.arena.copy("some text of a row " + std::to_string(row * kColumns + i))};
    }
    RowChange change;
    change.relation = relation.get();
    change.new_row = values;
    chunk.events.emplace_back(change);
    if ((row + 1) % rows_per_transaction == 0) {
      chunk.events.emplace_back(TxCommit{lsn, lsn, Timestamp{1'790'000'000'000'000}});
    }
  }
  return chunk;
}

void encode(benchmark::State& state) {
  const Chunk chunk = chunk_of(static_cast<std::size_t>(state.range(0)));
  kafka::EventWriter writer;
  std::string value;
  for (auto _ : state) {
    for (const Event& event : chunk.events) writer.add(event, chunk);
    writer.take(value);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kRows));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(value.size()));
}

void decode(benchmark::State& state) {
  const Chunk chunk = chunk_of(static_cast<std::size_t>(state.range(0)));
  kafka::EventWriter writer;
  for (const Event& event : chunk.events) writer.add(event, chunk);
  std::string value;
  writer.take(value);
  kafka::EventReader reader;
  for (auto _ : state) {
    Chunk into;
    if (!reader.read(value, into)) return state.SkipWithError("not read");
    benchmark::DoNotOptimize(into.events.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kRows));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(value.size()));
}

BENCHMARK(encode)->ArgName("rows_per_transaction")->Arg(1)->Arg(1'000);
BENCHMARK(decode)->ArgName("rows_per_transaction")->Arg(1)->Arg(1'000);

}  // namespace

BENCHMARK_MAIN();
