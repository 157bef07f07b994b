// bench-sink-remote URL [ROWS]: appends into a libSQL server through the sink, and through the plainest loop that makes
// the same JSON array statement by hand, alternating in one run. Prints medians of three and the ratio, one line per
// number of rows per transaction. The table: integer key, int64, four texts, real, boolean, about 120 bytes a row.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "sink-libsql/http_client.h"
#include "sink-libsql/open.h"

namespace {

using namespace walbridge;
using Form = CacheColumn::Form;
using Clock = std::chrono::steady_clock;

int fail(const std::string& what) {
  std::fprintf(stderr, "bench-sink-remote: %s\n", what.c_str());
  return 1;
}

CacheTable bench_table() {
  CacheTable table;
  table.source_oid = 1;
  table.source_name = "public.bench";
  table.name = "bench";
  table.columns = {{"id", "INTEGER", Form::Plain}, {"n", "BIGINT", Form::Plain},  {"a", "TEXT", Form::Plain},
                   {"b", "TEXT", Form::Plain},     {"c", "TEXT", Form::Plain},    {"d", "TEXT", Form::Plain},
                   {"r", "DOUBLE", Form::Plain},   {"ok", "BOOLEAN", Form::Plain}};
  table.key = {0};
  table.rowid_key = true;
  return table;
}

const std::string kTexts[] = {"first text of a row", "second", "third, with a \"quote\"",
                              "the fourth text is the longest of them"};

Status append_by_sink(Sink& sink, const CacheTable& table, std::int64_t from, std::int64_t rows, std::int64_t per_tx,
                      std::uint64_t& lsn) {
  for (auto id = from; id < from + rows;) {
    WALBRIDGE_TRY(sink.begin());
    for (const auto end = std::min(id + per_tx, from + rows); id < end; ++id) {
      const SqlValue values[] = {SqlValue::of(id),
                                 SqlValue::of(id * 1'000'003),
                                 SqlValue::text(kTexts[0]),
                                 SqlValue::text(kTexts[1]),
                                 SqlValue::text(kTexts[2]),
                                 SqlValue::text(kTexts[3]),
                                 SqlValue::of(static_cast<double>(id) * 0.37),
                                 SqlValue::of(id % 2)};
      CacheChange change;
      change.op = CacheChange::Op::Upsert;
      change.table = &table;
      change.values = values;
      WALBRIDGE_TRY(sink.apply(change));
    }
    Checkpoint checkpoint;
    checkpoint.commit_lsn = checkpoint.end_lsn = Lsn{++lsn};
    WALBRIDGE_TRY(sink.commit(checkpoint));
  }
  return {};
}

void append_escaped(std::string& to, const std::string& text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') to += "\\\\\\";
    to += c;
  }
}

Status append_by_hand(sink_libsql::HttpClient& http, const std::string& url, std::int64_t from, std::int64_t rows,
                      std::int64_t per_tx) {
  for (auto id = from; id < from + rows;) {
    std::string body =
        R"~({"baton":null,"requests":[{"type":"batch","batch":{"steps":[{"stmt":{"sql":"BEGIN IMMEDIATE","want_rows":false}},)~"
        R"~({"condition":{"type":"ok","step":0},"stmt":{"want_rows":false,"sql":"INSERT INTO by_hand SELECT value->>0,value->>1,)~"
        R"~(value->>2,value->>3,value->>4,value->>5,value->>6,value->>7 FROM json_each(?1)","args":[{"type":"text","value":"[)~";
    bool first = true;
    for (const auto end = std::min(id + per_tx, from + rows); id < end; ++id) {
      body += first ? "[" : ",[";
      first = false;
      body += std::to_string(id) + "," + std::to_string(id * 1'000'003);
      for (const auto& text : kTexts) {
        body += ",\\\"";
        append_escaped(body, text);
        body += "\\\"";
      }
      char real[40];
      std::snprintf(real, sizeof real, ",%.17g,%d]", static_cast<double>(id) * 0.37, static_cast<int>(id % 2));
      body += real;
    }
    body +=
        R"~(]"}]}},{"condition":{"type":"ok","step":1},"stmt":{"sql":"COMMIT","want_rows":false}}]}},{"type":"close"}]})~";
    WALBRIDGE_TRY_AS(const auto reply, http.post(url + "/v3/pipeline", "", body, std::chrono::seconds(30)));
    const bool whole = reply.status == 200 &&
                       reply.body.find("\"step_errors\":[null,null,null]") != std::string::npos &&
                       reply.body.find("\"step_results\":[{") != std::string::npos;
    if (!whole) return Error{Verdict::Operator, "bench", "the plain loop failed: " + reply.body.substr(0, 200), ""};
  }
  return {};
}

Status prepare(Sink& sink, sink_libsql::HttpClient& http, const std::string& url, const CacheTable& table) {
  WALBRIDGE_TRY(sink.open());
  const CacheTable* tables[] = {&table};
  WALBRIDGE_TRY(sink.begin_load(tables));
  TableRecord record;
  record.source_oid = table.source_oid;
  record.source_name = table.source_name;
  record.cache_name = table.name;
  const TableRecord records[] = {record};
  WALBRIDGE_TRY(sink.finish_load(records, "bench", Checkpoint{}));
  for (const char* sql : {"DROP TABLE IF EXISTS by_hand",
                          "CREATE TABLE by_hand (id INTEGER PRIMARY KEY, n BIGINT, a TEXT, b TEXT, c TEXT, d TEXT, r "
                          "DOUBLE, ok BOOLEAN)"}) {
    const auto body = std::string(R"({"baton":null,"requests":[{"type":"execute","stmt":{"sql":")") + sql +
                      R"("}},{"type":"close"}]})";
    WALBRIDGE_TRY(http.post(url + "/v3/pipeline", "", body, std::chrono::seconds(30)));
  }
  return {};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return fail("usage: bench-sink-remote http://HOST:PORT [ROWS]");
  const std::string url = argv[1];
  const std::int64_t rows = argc > 2 ? std::stoll(argv[2]) : 200'000;
  config::Sink settings;
  settings.name = "bench";
  settings.url = url;
  auto sink = sink_libsql::open_sink(settings, "bench");
  if (!sink) return fail(describe(sink.error()));
  sink_libsql::HttpClient http;
  const auto table = bench_table();
  if (auto prepared = prepare(**sink, http, url, table); !prepared) return fail(describe(prepared.error()));
  std::int64_t next = 0;
  std::uint64_t lsn = 0;
  for (const std::int64_t per_tx : {1'000, 4'000}) {
    std::vector<double> by_sink, by_hand;
    for (int round = 0; round < 3; ++round, next += rows) {
      const auto start = Clock::now();
      if (auto done = append_by_sink(**sink, table, next, rows, per_tx, lsn); !done)
        return fail(describe(done.error()));
      const auto between = Clock::now();
      if (auto done = append_by_hand(http, url, next, rows, per_tx); !done) return fail(describe(done.error()));
      const auto end = Clock::now();
      const auto rate = [&](auto from, auto to) {
        return static_cast<double>(rows) / std::chrono::duration<double>(to - from).count();
      };
      by_sink.push_back(rate(start, between));
      by_hand.push_back(rate(between, end));
    }
    std::printf("{\"rows_per_tx\": %lld, \"sink_rows_per_s\": %.0f, \"plain_rows_per_s\": %.0f, \"ratio\": %.2f}\n",
                static_cast<long long>(per_tx), median(by_sink), median(by_hand), median(by_sink) / median(by_hand));
  }
  return 0;
}
