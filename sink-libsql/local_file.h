// The cache as a file: where it is, what lies beside it, and how a finished one gets its name. No SQLite in here.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "pipeline/api/result.h"

namespace walbridge::sink_libsql {

// "file:PATH" or "file:///PATH" -> PATH; empty when the url names no file.
std::string local_path(const std::string& url);

std::string side_path(const std::string& path);  // the file a first fill builds, "PATH.walbridge-load"
std::string directory_of(const std::string& path);

// Which file a name stands for right now.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
struct FileFacts {
  FileIdentity identity;
  bool regular = false;
  std::uint64_t bytes = 0;
};
// nullopt: no such file.
Result<std::optional<FileFacts>> look_at(const std::string& path);

// The directory exists and lets us make files.
Status require_directory(const std::string& path);
std::optional<std::uint64_t> free_bytes(const std::string& directory);

// Removes a database that nobody may use any more: the file with its -wal, -shm and -journal.
Status remove_database(const std::string& path);
// Removes only what SQLite keeps beside `path`. A -wal left from a deleted database would be replayed onto a new one.
Status remove_companions(const std::string& path);

Status sync_file(const std::string& path);
// Gives `from` the name `to` unless that exists (false); durable when it returns.
Result<bool> rename_to_absent(const std::string& from, const std::string& to);

}  // namespace walbridge::sink_libsql
