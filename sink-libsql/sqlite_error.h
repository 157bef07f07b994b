// The verdict of every SQLite result code, in one table, with what the operator does about it. Unknown means Operator.
// Messages quote SQLite's own text, which names tables and columns and never values (I7). Pure; any thread.
#pragma once

#include <string>

#include "pipeline/api/error.h"

namespace walbridge::sink_libsql {

// `extended_code` as sqlite3_extended_errcode gives it, `detail` as sqlite3_errmsg does; `where` names cache and deed.
Error sqlite_error(int extended_code, const std::string& detail, const std::string& where);

// The code's name, "SQLITE_BUSY"; of an unknown one its number.
std::string sqlite_code_name(int extended_code);

// A failed system call on the cache's file or directory; `error_number` is errno.
Error file_error(int error_number, const std::string& where);

}  // namespace walbridge::sink_libsql
