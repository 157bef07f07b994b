// Drains a replication slot to nowhere: the limit of any target behind walbridge's stream, to be set beside
// `pg_recvlogical` on the same slot. Confirms nothing, so that the same backlog can be drained again.
//   bench-stream-drain URL SLOT PUBLICATION FROM_LSN UNTIL_LSN
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <fmt/format.h>

#include "config/config.h"
#include "source-pg/open.h"

namespace {

using walbridge::Chunk;
using walbridge::Lsn;

constexpr std::size_t kChunkBytes = 1 << 20;

struct Tally {
  std::uint64_t changes = 0;
  std::uint64_t transactions = 0;
  Lsn position;

  void operator()(const walbridge::TxBegin&) {}
  void operator()(const walbridge::RowChange&) { ++changes; }
  void operator()(const walbridge::Truncated&) { ++changes; }
  void operator()(const walbridge::SchemaChanged&) {}
  void operator()(const walbridge::BackfillMark&) {}
  void operator()(const walbridge::TxCommit& commit) {
    ++transactions;
    position = commit.end_lsn;
  }
  void operator()(const walbridge::IdlePosition& idle) { position = idle.lsn; }
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::optional<walbridge::Error> drain(walbridge::Source& source, Lsn from, Lsn until, Tally& tally) {
  if (auto started = source.start(from); !started) return started.error();
  auto chunk = std::make_unique<Chunk>();
  while (tally.position < until) {
    const auto took = source.poll(*chunk, kChunkBytes);
    if (!took) return took.error();
    for (const auto& event : chunk->events) std::visit(tally, event);
    chunk->events.clear();
    chunk->relations.clear();
    chunk->arena.clear();
    if (auto confirmed = source.confirm(from); !confirmed) return confirmed.error();
    if (!*took) source.wait(std::chrono::milliseconds(1000), true);
  }
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  const auto from = argc == 6 ? walbridge::parse_lsn(argv[4]) : std::nullopt;
  const auto until = argc == 6 ? walbridge::parse_lsn(argv[5]) : std::nullopt;
  if (!from || !until) {
    fmt::print(stderr, "usage: {} URL SLOT PUBLICATION FROM_LSN UNTIL_LSN\n", argv[0]);
    return 2;
  }
  walbridge::config::Config config;
  config.source.url = walbridge::config::Secret(argv[1]);
  config.source.slot = argv[2];
  config.source.publication = argv[3];
  const auto source = walbridge::source_pg::open_source(config);
  Tally tally;
  const auto begin = std::chrono::steady_clock::now();
  const auto error = drain(*source, *from, *until, tally);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (error) {
    fmt::print(stderr, "{}\n", walbridge::describe(*error));
    return 3;
  }
  source->stop();
  fmt::print("changes={} transactions={} seconds={:.3f} changes_per_second={:.0f} cpu_seconds={:.2f}\n", tally.changes,
             tally.transactions, seconds, static_cast<double>(tally.changes) / seconds, cpu_seconds());
  return 0;
}
