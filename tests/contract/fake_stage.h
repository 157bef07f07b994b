// The tables of a FakeCache as an open transaction sees them: what it changed, made and dropped, over what is there.
// One thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/contract/fake_tables.h"

namespace walbridge::testing {

class FakeStage {
 public:
  explicit FakeStage(std::map<std::string, FakeTable>& below) : below_(below) {}

  FakeTable* find(const std::string& name);  // to be changed
  void put(const std::string& name, FakeTable table);
  void drop(const std::string& name);
  std::set<std::string> names() const;
  bool holds_index(const std::string& name) const;

  void clear();
  void commit();  // into what is below

 private:
  std::map<std::string, FakeTable>& below_;
  std::map<std::string, FakeTable> changed_;
  std::set<std::string> dropped_;
};

}  // namespace walbridge::testing
