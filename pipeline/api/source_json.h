// The description of a table as JSON: what Postgres itself makes (source-pg/describe_sql.h), what stands in a schema
// message of the stream and in a cache's _walbridge_tables. One reader for all three. Hostile until parsed. Pure; any
// thread.
#pragma once

#include <string_view>

#include "pipeline/api/result.h"
#include "pipeline/api/source_table.h"

namespace walbridge {

// {"v":1, "oid":…, "schema":…, "name":…, "kind":"r|p", "persistence":"p|u", "identity":"d|n|f|i", "children":true,
//  "comment":…,
//  "columns":[{"attnum", "name", "type":oid, "typmod", "sql", "not_null", "generated":"s|v", "expression", "missing",
//              "identity":true, "nondeterministic":true, "comment"}],
//  "indexes":[{"name", "method", "primary", "unique", "deferrable", "replica_identity", "predicate",
//  "included":[attnum],
//              "key":[{"attnum", "desc", "expression", "operator_class"}]}],
//  "constraints":[{"kind", "name"}], "leaves":[{"oid", "schema", "name"}],
//  "types":{"oid":{"name", "kind":"b|d|e|c|r|m|p", "category", "element":oid, "delimiter", "base":oid, "base_typmod",
//                  "base_sql", "labels":[[oid, label]], "fields":[{"name", "type", "typmod", "sql"}]}}}
// Members that are false, null or empty are left out, typmods of -1 too. "types" holds every type the columns reach.
//
// Operator "description" when it is not one; the message never quotes it. The result's `json` is the same in one
// canonical spelling (members sorted, no blanks), wherever it came from: equal descriptions are equal texts.
Result<SourceTable> source_table_from_json(std::string_view json);

}  // namespace walbridge
