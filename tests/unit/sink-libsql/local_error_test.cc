#include <sqlite3.h>

#include <cerrno>

#include <gtest/gtest.h>

#include "sink-libsql/sqlite_error.h"

namespace walbridge::sink_libsql {
namespace {

struct Case {
  int code;
  Verdict verdict;
  const char* name;
};

class SqliteErrors : public ::testing::TestWithParam<Case> {};

TEST_P(SqliteErrors, HaveAVerdictANameAndARemedy) {
  const auto& wanted = GetParam();
  const auto error = sqlite_error(wanted.code, "detail", "cache x: commit");
  EXPECT_EQ(wanted.verdict, error.verdict);
  EXPECT_EQ(wanted.name, error.code);
  EXPECT_EQ("cache x: commit: detail", error.message);
  EXPECT_EQ(wanted.verdict == Verdict::Retry, error.remedy.empty());
}

INSTANTIATE_TEST_SUITE_P(All, SqliteErrors,
                         ::testing::Values(Case{SQLITE_BUSY, Verdict::Retry, "SQLITE_BUSY"},
                                           Case{SQLITE_BUSY_SNAPSHOT, Verdict::Retry, "SQLITE_BUSY"},
                                           Case{SQLITE_LOCKED, Verdict::Retry, "SQLITE_LOCKED"},
                                           Case{SQLITE_FULL, Verdict::Operator, "SQLITE_FULL"},
                                           Case{SQLITE_READONLY, Verdict::Operator, "SQLITE_READONLY"},
                                           Case{SQLITE_READONLY_DBMOVED, Verdict::Gap, "SQLITE_READONLY_DBMOVED"},
                                           Case{SQLITE_CORRUPT, Verdict::Operator, "SQLITE_CORRUPT"},
                                           Case{SQLITE_NOTADB, Verdict::Operator, "SQLITE_NOTADB"},
                                           Case{SQLITE_IOERR_WRITE, Verdict::Operator, "SQLITE_IOERR"},
                                           Case{SQLITE_CANTOPEN, Verdict::Operator, "SQLITE_CANTOPEN"},
                                           Case{SQLITE_TOOBIG, Verdict::PoisonRow, "SQLITE_TOOBIG"},
                                           Case{SQLITE_CONSTRAINT_NOTNULL, Verdict::PoisonRow, "SQLITE_CONSTRAINT"},
                                           Case{SQLITE_MISMATCH, Verdict::PoisonRow, "SQLITE_MISMATCH"},
                                           Case{250, Verdict::Operator, "SQLITE_250"}));

TEST(FileErrors, SayWhatToDo) {
  for (const int number : {ENOSPC, EACCES, EROFS, ENOENT, EIO}) {
    const auto error = file_error(number, "cache x");
    EXPECT_EQ(Verdict::Operator, error.verdict);
    EXPECT_FALSE(error.remedy.empty());
  }
}

}  // namespace
}  // namespace walbridge::sink_libsql
