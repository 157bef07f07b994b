// Schemas for the clients that read a cache: Drizzle, Prisma, SQL, made from the plan of one sink, with the hash of
// what they were made from. Every value is decoded as exactly as the client's language allows. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "mapping/table_plan.h"
#include "pipeline/api/checkpoint.h"
#include "pipeline/api/source_table.h"

namespace walbridge::mapping {

enum class ClientFormat : std::uint8_t { Drizzle, Prisma, Sql };

// The text of the whole file. `tables`: what the plan was made from, for comments and constraints.
std::string client_schema(ClientFormat format, const SinkPlan& plan, std::span<const SourceTable> tables,
                          const config::Config& config, std::string_view sink_name);

// One hash of all tables of a sink: equal as long as no table comes, goes or changes.
std::string schema_hash(const SinkPlan& plan);
// The same from what a cache says it holds; tables that went out of service do not count.
std::string schema_hash(std::span<const TableRecord> records);
// Whether a record is of a table that the plan has, so that readers should know it: one that went out of it (dropped,
// not selected, refused) keeps its rows and has no hash any more.
bool in_service(const TableRecord& record);

// What a generated file says it was made from.
struct StampedTable {
  std::string name;  // in the cache
  std::string schema_hash;
};
struct SchemaStamp {
  std::string hash;  // empty: the file bears none
  std::vector<StampedTable> tables;
};
SchemaStamp read_stamp(std::string_view file);

// How the file and the cache differ, one sentence for each table; empty: not at all.
std::vector<std::string> compare_stamp(const SchemaStamp& stamp, std::span<const TableRecord> records);

}  // namespace walbridge::mapping
