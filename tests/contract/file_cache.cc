// A local file in a directory of its own, read back through a second SQLite handle.
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "sink-libsql/open.h"
#include "tests/contract/sql_cache.h"

namespace walbridge::testing {
namespace {

std::string cell_of(sqlite3_stmt* statement, int column) {
  const auto bytes = [&] {
    const auto* first = static_cast<const char*>(sqlite3_column_blob(statement, column));
    return std::string_view(first == nullptr ? "" : first,
                            static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return integer_cell(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return real_cell(sqlite3_column_double(statement, column));
    case SQLITE_TEXT:
      return text_cell(bytes());
    case SQLITE_BLOB:
      return blob_cell(bytes());
    default:
      return null_cell();
  }
}

class FileCache final : public SqlCache {
 public:
  FileCache() {
    std::string pattern = (std::filesystem::temp_directory_path() / "walbridge-contract-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = pattern;
  }
  ~FileCache() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Sink> make_sink(const std::string& stream) override {
    config::Sink settings;
    settings.name = "main";
    settings.url = "file:" + path();
    auto sink = sink_libsql::open_sink(settings, stream);
    if (!sink) throw std::runtime_error(describe(sink.error()));
    return *std::move(sink);
  }
  bool is_sqlite() const override { return true; }

 private:
  std::string path() const { return directory_ / "cache.db"; }

  std::optional<Rows> run(const std::string& sql) override {
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    std::optional<Rows> rows;
    // A reader must not make the file: that it is absent is part of what is tested.
    const int flags = SQLITE_OPEN_READWRITE | (sql.starts_with("CREATE") ? SQLITE_OPEN_CREATE : 0);
    if (sqlite3_open_v2(path().c_str(), &db, flags, nullptr) == SQLITE_OK &&
        sqlite3_busy_timeout(db, 2000) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
      rows.emplace();
      int outcome = SQLITE_ROW;
      while ((outcome = sqlite3_step(statement)) == SQLITE_ROW) {
        Row row;
        for (int i = 0; i < sqlite3_column_count(statement); ++i) row.push_back(cell_of(statement, i));
        rows->push_back(std::move(row));
      }
      if (outcome != SQLITE_DONE) rows.reset();
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    if (rows) std::sort(rows->begin(), rows->end());
    return rows;
  }

  std::filesystem::path directory_;
};

}  // namespace

std::unique_ptr<CacheUnderTest> make_file_cache() { return std::make_unique<FileCache>(); }

}  // namespace walbridge::testing
