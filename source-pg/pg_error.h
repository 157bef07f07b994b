// What a Postgres failure means: one table from SQLSTATE to verdict and remedy (text only where there is no code of
// its own), and the only place where a server's message becomes an Error. Invariant I7: DETAIL, HINT and CONTEXT never
// pass, and the primary message passes only for error classes whose messages hold names, never values. Pure.
#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "pipeline/api/error.h"

namespace walbridge::source_pg {

// `sqlstate` may be empty (libpq's own failures); `message` is the primary message in one line.
// `doing` says what was tried ("creating slot walbridge"); it starts the message when not empty.
Error classify(std::string_view sqlstate, std::string_view message, std::string_view doing = {});

// Of a finished command that failed.
Error error_from(const PGresult* result, std::string_view doing = {});

// Of a connection that failed or broke: while connecting, or after a PQ function returned its failure value.
Error error_from(const PGconn* connection, std::string_view doing = {});

// Finds the SQLSTATE in the verbose text of a refused connection: "FATAL:  28P01: password …"; empty if none.
std::string_view sqlstate_in(std::string_view verbose_text);

}  // namespace walbridge::source_pg
