#include "sink-libsql/sqlite_error.h"

#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace walbridge::sink_libsql {
namespace {

struct KnownCode {
  int code;  // a primary code, or an extended one that means something else than its family
  const char* name;
  Verdict verdict;
  const char* remedy;
};

constexpr const char* kPermission = "make the cache file and its directory writable for the user walbridge runs as";
constexpr const char* kForeignRow =
    "the cache table has constraints or triggers that walbridge did not make: remove them, then load the table again";

// Extended codes first: the first match wins.
constexpr std::array kKnownCodes = {
    KnownCode{SQLITE_READONLY_DBMOVED, "SQLITE_READONLY_DBMOVED", Verdict::Gap,
              "restart walbridge; a missing cache file is filled again"},
    KnownCode{SQLITE_BUSY, "SQLITE_BUSY", Verdict::Retry, ""},
    KnownCode{SQLITE_LOCKED, "SQLITE_LOCKED", Verdict::Retry, ""},
    KnownCode{SQLITE_PROTOCOL, "SQLITE_PROTOCOL", Verdict::Retry, ""},
    KnownCode{SQLITE_INTERRUPT, "SQLITE_INTERRUPT", Verdict::Retry, ""},
    KnownCode{SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT", Verdict::PoisonRow, kForeignRow},
    KnownCode{SQLITE_MISMATCH, "SQLITE_MISMATCH", Verdict::PoisonRow, kForeignRow},
    KnownCode{SQLITE_TOOBIG, "SQLITE_TOOBIG", Verdict::PoisonRow,
              "SQLite holds at most 1000000000 bytes in a row: leave the column out with `omit`"},
    KnownCode{SQLITE_FULL, "SQLITE_FULL", Verdict::Operator,
              "free space on the cache's disk (or raise its max_page_count), then restart walbridge"},
    KnownCode{SQLITE_READONLY, "SQLITE_READONLY", Verdict::Operator, kPermission},
    KnownCode{SQLITE_PERM, "SQLITE_PERM", Verdict::Operator, kPermission},
    KnownCode{SQLITE_AUTH, "SQLITE_AUTH", Verdict::Operator, kPermission},
    KnownCode{SQLITE_CANTOPEN, "SQLITE_CANTOPEN", Verdict::Operator,
              "check that the sink's path is a file in an existing directory that walbridge may write"},
    KnownCode{SQLITE_CORRUPT, "SQLITE_CORRUPT", Verdict::Operator,
              "the cache file is damaged: check the disk, delete the file with its -wal and -shm, restart to fill it"},
    KnownCode{SQLITE_NOTADB, "SQLITE_NOTADB", Verdict::Operator,
              "the sink's path is not a SQLite database: give another path, or delete the file"},
    KnownCode{SQLITE_IOERR, "SQLITE_IOERR", Verdict::Operator,
              "check the cache's disk and file system (system log, free space, quotas), then restart walbridge"},
    KnownCode{SQLITE_NOMEM, "SQLITE_NOMEM", Verdict::Operator, "give walbridge more memory"},
    KnownCode{SQLITE_NOLFS, "SQLITE_NOLFS", Verdict::Operator, "put the cache on a file system with large files"},
    KnownCode{SQLITE_ERROR, "SQLITE_ERROR", Verdict::Operator,
              "if the cache's schema was changed by hand, undo that; otherwise report this as a bug"},
    KnownCode{SQLITE_MISUSE, "SQLITE_MISUSE", Verdict::Operator, "report this as a bug"},
    KnownCode{SQLITE_RANGE, "SQLITE_RANGE", Verdict::Operator, "report this as a bug"},
};

const KnownCode* find_code(int extended_code) {
  for (const auto& known : kKnownCodes) {
    if (known.code == extended_code || known.code == (extended_code & 0xFF)) return &known;
  }
  return nullptr;
}

}  // namespace

std::string sqlite_code_name(int extended_code) {
  const auto* known = find_code(extended_code);
  return known != nullptr ? known->name : "SQLITE_" + std::to_string(extended_code);
}

Error sqlite_error(int extended_code, const std::string& detail, const std::string& where) {
  const auto* known = find_code(extended_code);
  return {known != nullptr ? known->verdict : Verdict::Operator, sqlite_code_name(extended_code), where + ": " + detail,
          known != nullptr ? known->remedy : "look the SQLite result code up, mend the cause, restart walbridge"};
}

Error file_error(int error_number, const std::string& where) {
  const std::string message = where + ": " + std::generic_category().message(error_number);
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return {Verdict::Operator, "disk-full", message, "free space on the cache's disk, then restart walbridge"};
    case EACCES:
    case EPERM:
    case EROFS:
      return {Verdict::Operator, "permission", message, kPermission};
    case ENOENT:
    case ENOTDIR:
      return {Verdict::Operator, "path", message,
              "make the directory, or correct the sink's url; it is relative to the "
              "directory walbridge was started in"};
    default:
      return {Verdict::Operator, "file", message, "check the cache's disk and file system, then restart walbridge"};
  }
}

}  // namespace walbridge::sink_libsql
