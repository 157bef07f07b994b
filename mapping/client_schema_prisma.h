// The Prisma schema of a cache: one file with generator, data source, enums and models. Pure.
#pragma once

#include <string>
#include <vector>

#include "mapping/client_schema_columns.h"

namespace walbridge::mapping {

std::string prisma_schema(const std::vector<ClientTable>& tables);

}  // namespace walbridge::mapping
