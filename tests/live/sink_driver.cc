// Drives a sink from the command line, for tests that do to its server what a test inside the process cannot:
//   sink-driver fill URL             two small tables of every storage class, checkpoint at 0/12C
//   sink-driver append URL COUNT N   COUNT transactions of N rows each into a table without a key, some of which change
//                                    the table's shape half-way, through any failure
// The token is taken from WALBRIDGE_TEST_TOKEN. Prints one JSON line; exit 1 when the sink gave up.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/open.h"

namespace {

using namespace walbridge;
using Form = CacheColumn::Form;

TableRecord record_of(const CacheTable& table) {
  TableRecord record;
  record.source_oid = table.source_oid;
  record.source_name = table.source_name;
  record.cache_name = table.name;
  record.state = TableState::Live;
  record.schema_hash = "driver";
  record.snapshot_lsn = Lsn{100};
  return record;
}

Checkpoint at_lsn(std::uint64_t lsn) {
  Checkpoint checkpoint;
  checkpoint.commit_lsn = checkpoint.end_lsn = Lsn{lsn};
  checkpoint.committed_at = Timestamp{1'790'000'000'000'000};
  return checkpoint;
}

int fail(const char* what, const Error& error) {
  std::fprintf(stderr, "%s: %s\n", what, describe(error).c_str());
  return 1;
}

CacheTable people_table() {
  CacheTable table;
  table.source_oid = 16400;
  table.source_name = "public.people";
  table.name = "people";
  table.columns = {{"id", "INTEGER", Form::Plain}, {"name", "TEXT", Form::Plain},  {"balance", "DOUBLE", Form::Plain},
                   {"photo", "BLOB", Form::Blob},  {"big", "BIGINT", Form::Plain}, {"active", "BOOLEAN", Form::Plain},
                   {"tags", "TEXT", Form::Plain}};
  table.key = {0};
  table.rowid_key = true;
  table.indexes = {{CacheIndex::Kind::Plain, "people_name", {"\"name\""}}};
  return table;
}

CacheTable log_table() {
  CacheTable table;
  table.source_oid = 16401;
  table.source_name = "public.log";
  table.name = "log";
  table.columns = {{"batch", "BIGINT", Form::Plain}, {"n", "BIGINT", Form::Plain}, {"line", "TEXT", Form::Plain}};
  return table;
}

// Every tenth transaction rebuilds the table in its middle; in between a column comes and goes.
std::vector<SchemaStep> steps_of(std::int64_t batch, const CacheTable& log) {
  const auto step = [](SchemaStep::Kind kind, const std::string& table) {
    SchemaStep made;
    made.kind = kind;
    made.table = table;
    return made;
  };
  const CacheColumn extra{"extra", "TEXT", Form::Plain};
  std::vector<SchemaStep> steps;
  switch (batch % 10) {
    case 0: {
      const auto beside = backfill_table_name("walbridge", log.source_oid);
      steps = {step(SchemaStep::Kind::CreateTable, beside), step(SchemaStep::Kind::Execute, "log"),
               step(SchemaStep::Kind::DropTable, "log"), step(SchemaStep::Kind::RenameTable, beside)};
      steps[0].definition = log;
      steps[1].sql = "INSERT INTO " + beside + " SELECT batch, n, line FROM log";
      steps[3].to = "log";
      break;
    }
    case 3:
      steps = {step(SchemaStep::Kind::AddColumn, "log")};
      steps[0].column = extra;
      steps[0].fill = SqlValue::text("none");
      break;
    case 6:
      steps = {step(SchemaStep::Kind::DropColumn, "log")};
      steps[0].name = extra.name;
      break;
    default:
      break;
  }
  return steps;
}

Status load_empty(Sink& sink, const std::vector<const CacheTable*>& tables, std::uint64_t lsn) {
  WALBRIDGE_TRY(sink.begin_load(tables));
  std::vector<TableRecord> records;
  for (const auto* table : tables) records.push_back(record_of(*table));
  return sink.finish_load(records, "driver", at_lsn(lsn));
}

Status fill(Sink& sink) {
  const auto people = people_table();
  const auto log = log_table();
  WALBRIDGE_TRY(sink.open());
  WALBRIDGE_TRY(load_empty(sink, {&people, &log}, 100));
  WALBRIDGE_TRY(sink.begin());
  const SqlValue rows[][7] = {
      {SqlValue::of(std::int64_t{1}), SqlValue::text("Ann \"A\""), SqlValue::of(80959084.862524793),
       SqlValue::blob(std::string_view("\x00\xff\x10", 3)), SqlValue::of(std::int64_t{4503599627370497}),
       SqlValue::of(std::int64_t{1}), SqlValue::text(R"(["a","b"])")},
      {SqlValue::of(std::int64_t{2}), SqlValue::text("Žofie 😀"), SqlValue::text("NaN"), SqlValue::null(),
       SqlValue::null(), SqlValue::of(std::int64_t{0}), SqlValue::null()}};
  for (const auto& row : rows) {
    CacheChange change;
    change.op = CacheChange::Op::Upsert;
    change.table = &people;
    change.values = row;
    WALBRIDGE_TRY(sink.apply(change));
  }
  return sink.commit(at_lsn(300));
}

// One transaction after the other; a failure that is no Retry means: look where the cache stands and go on there.
Status append(Sink& sink, std::int64_t count, std::int64_t rows, long& retries, long& reopened) {
  using namespace std::chrono;
  const auto deadline = steady_clock::now() + minutes(5);
  const auto log = log_table();
  const auto patiently = [&](auto deed) -> Status {
    for (;;) {
      Status done = deed();
      if (done || done.error().verdict != Verdict::Retry || steady_clock::now() > deadline) return done;
      ++retries;
      std::this_thread::sleep_for(milliseconds(20));
    }
  };
  std::int64_t stored = 0;
  const auto start = [&]() -> Status {
    WALBRIDGE_TRY_AS(const auto state, sink.open());
    if (!state.checkpoint) return load_empty(sink, {&log}, 0);
    stored = static_cast<std::int64_t>(state.checkpoint->commit_lsn.value);
    return {};
  };
  WALBRIDGE_TRY(patiently(start));
  while (stored < count) {
    const auto batch = stored + 1;
    const Status done = [&]() -> Status {
      WALBRIDGE_TRY(sink.begin());
      const std::string line(40, 'x');
      for (std::int64_t n = 0; n < rows; ++n) {
        const SqlValue values[] = {SqlValue::of(batch), SqlValue::of(n), SqlValue::text(line)};
        CacheChange change;
        change.op = CacheChange::Op::Insert;
        change.table = &log;
        change.values = values;
        if (n == rows / 2) {
          if (const auto steps = steps_of(batch, log); !steps.empty()) WALBRIDGE_TRY(sink.alter(steps));
        }
        WALBRIDGE_TRY(sink.apply(change));
      }
      return patiently([&] { return sink.commit(at_lsn(static_cast<std::uint64_t>(batch))); });
    }();
    if (done) {
      stored = batch;
      continue;
    }
    if (steady_clock::now() > deadline) return done;
    std::fprintf(stderr, "reopened: %s\n", describe(done.error()).c_str());
    ++reopened;
    sink.abandon();
    WALBRIDGE_TRY(patiently(start));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2) return 2;
  config::Sink settings;
  settings.name = "driver";
  settings.url = arguments[1];
  if (const char* token = std::getenv("WALBRIDGE_TEST_TOKEN")) settings.auth_token = config::Secret(token);
  auto sink = sink_libsql::open_sink(settings, "walbridge");
  if (!sink) return fail("sink", sink.error());
  long retries = 0;
  long reopened = 0;
  if (arguments[0] == "fill") {
    if (auto filled = fill(**sink); !filled) return fail("fill", filled.error());
  } else if (arguments[0] == "append" && arguments.size() == 4) {
    auto appended = append(**sink, std::stoll(arguments[2]), std::stoll(arguments[3]), retries, reopened);
    if (!appended) return fail("append", appended.error());
  } else {
    return 2;
  }
  std::printf("{\"retries\": %ld, \"reopened\": %ld}\n", retries, reopened);
  return 0;
}
