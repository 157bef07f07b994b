// Watches the write-ahead log of an open local cache: when to copy it back into the file, and whether file and log are
// still the ones that were opened. Invariant I1 rests on the second: a commit into a file that has lost its name is
// lost. One thread; dies before its handle.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "sink-libsql/local_file.h"
#include "sink-libsql/sqlite_handle.h"

namespace walbridge::sink_libsql {

class LocalWal {
 public:
  LocalWal(SqliteHandle& db, std::string path);
  ~LocalWal();
  LocalWal(const LocalWal&) = delete;
  LocalWal& operator=(const LocalWal&) = delete;

  // After each commit that wrote `rows`: may checkpoint. Never fails; a log that cannot be copied grows and is
  // reported.
  void after_commit(std::size_t rows);

  // What happened to the file behind our back; nullopt while all is well.
  std::optional<std::string> replaced();

  // For PRAGMA journal_size_limit: what the log keeps on disk once it was copied.
  static constexpr std::size_t kLogBytesKept = 64U << 20;

 private:
  static int on_commit(void* self, sqlite3* db, const char* schema, int pages);

  SqliteHandle& db_;
  std::string path_;
  std::optional<FileIdentity> log_identity_;
  int pages_ = 0;
  int next_at_;
  bool failing_ = false;
};

}  // namespace walbridge::sink_libsql
