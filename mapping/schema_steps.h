// Schema steps in one call each, so that what changes a table reads as a list of what it does. Pure.
#pragma once

#include <string>

#include "pipeline/api/schema_step.h"

namespace walbridge::mapping::steps {

SchemaStep create_table(CacheTable definition);
SchemaStep drop_table(const std::string& table);
SchemaStep rename_table(const std::string& table, const std::string& to);
SchemaStep add_column(const std::string& table, CacheColumn column, const SqlValue& fill);
SchemaStep add_computed(const std::string& table, ComputedColumn computed);
SchemaStep drop_column(const std::string& table, const std::string& name);
SchemaStep rename_column(const std::string& table, const std::string& name, const std::string& to);
SchemaStep create_index(const std::string& table, CacheIndex index);
SchemaStep drop_index(const std::string& table, CacheIndex index);
SchemaStep execute(const std::string& table, std::string sql);

}  // namespace walbridge::mapping::steps
