#include "sink-libsql/local_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error(errno, "remove " + path);
  return {};
}

}  // namespace

std::string local_path(const std::string& url) {
  constexpr std::string_view kScheme = "file:";
  if (!url.starts_with(kScheme)) return {};
  std::string path = url.substr(kScheme.size());
  if (path.starts_with("///")) path.erase(0, 2);
  return path;
}

std::string side_path(const std::string& path) { return path + ".walbridge-load"; }

std::string directory_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::optional<FileFacts>> look_at(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return std::optional<FileFacts>();
    return file_error(errno, "cache " + path);
  }
  return std::optional<FileFacts>(
      {{facts.st_dev, facts.st_ino}, S_ISREG(facts.st_mode), static_cast<std::uint64_t>(facts.st_size)});
}

Status require_directory(const std::string& path) {
  const std::string directory = directory_of(path);
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    return file_error(errno, "directory " + directory + " of the cache");
  return {};
}

std::optional<std::uint64_t> free_bytes(const std::string& directory) {
  struct statvfs facts {};
  if (::statvfs(directory.c_str(), &facts) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
}

Status remove_companions(const std::string& path) {
  for (const char* ending : std::array{"-wal", "-shm", "-journal"}) WALBRIDGE_TRY(remove_file(path + ending));
  return {};
}

Status remove_database(const std::string& path) {
  WALBRIDGE_TRY(remove_file(path));
  return remove_companions(path);
}

Status sync_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return file_error(errno, "open " + path);
  const int outcome = ::fsync(file);
  const int error_number = errno;
  ::close(file);
  if (outcome != 0) return file_error(error_number, "sync " + path);
  return {};
}

Result<bool> rename_to_absent(const std::string& from, const std::string& to) {
  int outcome = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (outcome != 0 && (errno == EINVAL || errno == ENOSYS)) {  // a file system that cannot promise it: look first
    if (::access(to.c_str(), F_OK) == 0) return false;
    outcome = ::rename(from.c_str(), to.c_str());
  }
  if (outcome != 0) {
    if (errno == EEXIST) return false;
    return file_error(errno, "rename " + from + " to " + to);
  }
  WALBRIDGE_TRY(sync_file(directory_of(to)));
  return true;
}

}  // namespace walbridge::sink_libsql
