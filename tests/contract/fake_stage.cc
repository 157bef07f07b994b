#include "tests/contract/fake_stage.h"

#include <algorithm>

namespace walbridge::testing {

FakeTable* FakeStage::find(const std::string& name) {
  if (const auto found = changed_.find(name); found != changed_.end()) return &found->second;
  const auto there = below_.find(name);
  if (there == below_.end() || dropped_.contains(name)) return nullptr;
  return &changed_.emplace(name, there->second).first->second;
}

void FakeStage::put(const std::string& name, FakeTable table) {
  dropped_.insert(name);
  changed_.insert_or_assign(name, std::move(table));
}

void FakeStage::drop(const std::string& name) {
  changed_.erase(name);
  dropped_.insert(name);
}

std::set<std::string> FakeStage::names() const {
  std::set<std::string> names;
  for (const auto& [name, table] : below_) {
    if (!dropped_.contains(name)) names.insert(name);
  }
  for (const auto& [name, table] : changed_) names.insert(name);
  return names;
}

bool FakeStage::holds_index(const std::string& name) const {
  const auto has = [&](const FakeTable& table) {
    return std::any_of(table.shape.indexes.begin(), table.shape.indexes.end(),
                       [&](const auto& index) { return index.name == name; });
  };
  for (const auto& each : names()) {
    const auto changed = changed_.find(each);
    if (has(changed == changed_.end() ? below_.at(each) : changed->second)) return true;
  }
  return false;
}

void FakeStage::clear() {
  changed_.clear();
  dropped_.clear();
}

void FakeStage::commit() {
  for (const auto& name : dropped_) below_.erase(name);
  for (auto& [name, table] : changed_) below_.insert_or_assign(name, table);
}

}  // namespace walbridge::testing
