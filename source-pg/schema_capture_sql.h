// What walbridge installs at the source to hear of schema changes: schema walbridge with three functions, a row that
// says whose they are, and three event triggers. As SQL text; who runs it, and when, is schema_capture's. Pure.
#pragma once

#include <string>

namespace walbridge::source_pg {

// Grows with every change of what is installed; a newer install is left alone.
inline constexpr int kCaptureVersion = 1;

// A hash of the functions' text: finds an install of the same version that another build made.
std::string capture_source();

// Statements for one transaction whose search path is pg_catalog: schema, tables and functions, made or replaced. Keeps
// the token of an earlier install.
std::string install_functions_sql();

// The event triggers that are missing or not enabled always; needs no privilege when there is nothing to do.
std::string install_triggers_sql();

// For after the triggers are gone. Leaves the schema, and fails, when there is something in it that walbridge did not
// make.
std::string remove_schema_sql();

// Of the functions as they are installed: one text.
extern const char* const kInstalledChecksum;

}  // namespace walbridge::source_pg
