// Reads tests/corpus and turns its type trees into PgTypes.
#pragma once

#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pipeline/api/pg_type.h"

namespace walbridge::mapping::testing {

inline std::ifstream open_corpus(const std::string& name) {
  std::ifstream file(std::string(WALBRIDGE_TEST_DATA) + "/corpus/" + name);
  if (!file) throw std::runtime_error("cannot read tests/corpus/" + name);
  return file;
}

inline nlohmann::json read_json(const std::string& name) {
  auto file = open_corpus(name);
  return nlohmann::json::parse(file);
}

inline std::vector<nlohmann::json> read_lines(const std::string& name) {
  auto file = open_corpus(name);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

inline std::shared_ptr<const PgType> type_of(const nlohmann::json& desc, const std::string& sql = {}) {
  auto type = std::make_shared<PgType>();
  type->kind = desc.at("k");
  type->sql = sql.empty() ? desc.value("n", type->kind) : sql;
  type->typmod = desc.value("mod", -1);
  if (desc.contains("elem")) type->element = type_of(desc.at("elem"));
  if (desc.contains("delim")) type->delimiter = desc.at("delim").get<std::string>().at(0);
  if (desc.contains("base")) type->base = type_of(desc.at("base"));
  if (desc.contains("labels")) type->labels = desc.at("labels").get<std::vector<std::string>>();
  if (desc.contains("fields")) {
    for (const auto& field : desc.at("fields")) type->fields.push_back({field.at("n"), type_of(field.at("t"))});
  }
  return type;
}

}  // namespace walbridge::mapping::testing
