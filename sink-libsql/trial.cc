#include "sink-libsql/trial.h"

#include <algorithm>
#include <string_view>

#include "pipeline/api/cache_sql.h"
#include "sink-libsql/sqlite_handle.h"

namespace walbridge::sink_libsql {
namespace {

// Another version, or libSQL, may have what this SQLite lacks.
bool may_be_known_elsewhere(std::string_view message) {
  constexpr std::string_view kUnknown[] = {"no such function",  "no such module", "no such table-valued function",
                                           "no such collation", "near ",          "unrecognized token"};
  return std::any_of(std::begin(kUnknown), std::end(kUnknown),
                     [&](std::string_view start) { return message.starts_with(start); });
}

class Trial {
 public:
  Trial(SqliteHandle& db, bool elsewhere) : db_(db), elsewhere_(elsewhere) {}

  // Something was left for the server to judge, so that there may be no table to try the rest on.
  bool undecided() const { return undecided_; }

  // What SQLite says against it; empty: nothing.
  std::string run(const std::string& sql) {
    if (db_.execute(sql)) return {};
    return said();
  }

  // Reading shows what making the table does not: a column that computes itself.
  std::string make(const CacheTable& table) {
    if (auto refused = run("DROP TABLE IF EXISTS " + quote_identifier(table.name)); !refused.empty()) return refused;
    if (!db_.execute(create_table_sql(table, table.name))) return said();
    return db_.prepare("SELECT * FROM " + quote_identifier(table.name)) ? std::string() : said();
  }

 private:
  std::string said() {
    std::string message = sqlite3_errmsg(db_.raw());
    if (!elsewhere_ || !may_be_known_elsewhere(message)) return message;
    undecided_ = true;
    return {};
  }

  SqliteHandle& db_;
  bool elsewhere_;
  bool undecided_ = false;
};

// The computed column without which the table would do; of several at fault the first that fails the same by itself.
TrialRefusal blame(Trial& trial, const CacheTable& table, std::string message) {
  const auto refusal_of = [&](const ComputedColumn& computed) {
    return TrialRefusal{"computed column " + computed.name, message, computed.line};
  };
  for (std::size_t i = 0; i < table.computed.size(); ++i) {
    auto without = table;
    without.computed.erase(without.computed.begin() + static_cast<std::ptrdiff_t>(i));
    if (trial.make(without).empty()) return refusal_of(table.computed[i]);
  }
  for (const auto& computed : table.computed) {
    auto alone = table;
    alone.computed = {computed};
    if (trial.make(alone) == message) return refusal_of(computed);
  }
  if (!table.computed.empty()) return refusal_of(table.computed.front());
  return {{}, std::move(message), 0};
}

}  // namespace

std::optional<TrialRefusal> try_table(const CacheTable& table, bool elsewhere) {
  const auto db = SqliteHandle::open(":memory:", SqliteHandle::Mode::Create, "a trial");
  if (!db) return std::nullopt;
  Trial trial(**db, elsewhere);
  if (auto refused = trial.make(table); !refused.empty()) return blame(trial, table, std::move(refused));
  if (trial.undecided()) return std::nullopt;
  for (const auto& index : table.indexes) {
    if (index.kind == CacheIndex::Kind::Vector) continue;  // libSQL's own
    for (const auto& sql : create_index_sql(table, index, index.name)) {
      if (auto refused = trial.run(sql); !refused.empty()) {
        return TrialRefusal{"index " + index.name, std::move(refused), index.line};
      }
      if (trial.undecided()) return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace walbridge::sink_libsql
