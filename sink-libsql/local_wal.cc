#include "sink-libsql/local_wal.h"

#include <utility>

#include "pipeline/api/log.h"
#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

// A checkpoint costs two syncs whatever its size, and pages written often are copied once: the longer the log, the
// cheaper each change. While the stream is quiet a shorter one keeps the pause below what anybody notices.
constexpr int kBusyPages = 32'000;  // 125 MiB at 4 KiB
constexpr int kQuietPages = 8'000;
constexpr std::size_t kQuietRows = 256;  // a commit of fewer rows means that the stream is caught up

}  // namespace

LocalWal::LocalWal(SqliteHandle& db, std::string path) : db_(db), path_(std::move(path)), next_at_(kQuietPages) {
  sqlite3_wal_hook(db_.raw(), &LocalWal::on_commit, this);  // takes the place of SQLite's own autocheckpoint
}

LocalWal::~LocalWal() { sqlite3_wal_hook(db_.raw(), nullptr, nullptr); }

int LocalWal::on_commit(void* self, sqlite3* /*db*/, const char* /*schema*/, int pages) {
  static_cast<LocalWal*>(self)->pages_ = pages;
  return SQLITE_OK;
}

void LocalWal::after_commit(std::size_t rows) {
  if (pages_ < next_at_ || (rows >= kQuietRows && pages_ < kBusyPages)) return;
  int in_log = 0;
  int copied = 0;
  const int outcome = sqlite3_wal_checkpoint_v2(db_.raw(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  const bool failed = outcome != SQLITE_OK && outcome != SQLITE_BUSY;
  if (failed && !std::exchange(failing_, true)) {
    log::warn("cache log cannot be copied back", {{"cache", path_}, {"code", sqlite_code_name(outcome)}});
  }
  if (!failed) failing_ = false;
  // A reader that holds an old snapshot keeps the log from starting over: try again only after it has grown.
  next_at_ = !failed && copied == in_log ? kQuietPages : pages_ + kQuietPages;
}

std::optional<std::string> LocalWal::replaced() {
  int moved = 0;
  if (sqlite3_file_control(db_.raw(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0) {
    return "the file was deleted, renamed or replaced";
  }
  const auto file = look_at(path_);
  if (!file || !*file || (*file)->bytes == 0) return "the file was emptied";
  const auto log = look_at(path_ + "-wal");
  if (!log || !*log) return "its write-ahead log was deleted";
  if (!log_identity_) log_identity_ = (*log)->identity;
  if (*log_identity_ != (*log)->identity) return "its write-ahead log was replaced";
  return std::nullopt;
}

}  // namespace walbridge::sink_libsql
