// The tables of a test's database as walbridge describes them, by name. One thread.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "pipeline/api/source.h"
#include "source-pg/open.h"

namespace walbridge::live {

inline std::shared_ptr<const SourceTable> described_table(const config::Config& config, const std::string& name) {
  auto tables = source_pg::open_source_admin(config)->describe_tables();
  EXPECT_TRUE(tables) << (tables ? "" : describe(tables.error()));
  if (tables) {
    for (auto& table : *tables) {
      if (table.name == name) return std::make_shared<const SourceTable>(std::move(table));
    }
  }
  ADD_FAILURE() << "no table " << name;
  return std::make_shared<const SourceTable>();
}

}  // namespace walbridge::live
