// One place of the file while it is read: its value, its dotted key for messages, and its pattern in the table of
// keys. Reading is typed; whatever does not fit becomes a Problem and reads as nothing, so that reading goes on and
// all problems are found at once. No message repeats a value: any of them may hold a secret. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/yaml_tree.h"

namespace walbridge::config {

// What all fields of one file share.
struct Reading {
  std::string file;    // as given
  std::string folder;  // relative secret files start here; empty: the working directory
  const Environment& environment;
  std::vector<Problem> problems;
};

class Field {
 public:
  Field(const YamlNode& root, Reading& reading) : node_(&root), reading_(&reading) {}

  bool present() const { return node_ != nullptr; }
  bool is_map() const { return node_ != nullptr && node_->kind == YamlNode::Kind::Map; }
  bool is_list() const { return node_ != nullptr && node_->kind == YamlNode::Kind::List; }
  bool is_null() const { return node_ != nullptr && node_->kind == YamlNode::Kind::Null; }
  int line() const;  // of the key for a map or a list, else of the value; the parent's when absent
  const std::string& key() const { return key_; }
  Reading& reading() const { return *reading_; }

  void problem(std::string message) const;

  // Absent when there is no such key or this is no map.
  Field child(std::string_view key) const;
  // As child(), and a problem when it is absent.
  Field required(std::string_view key, std::string_view what) const;
  // False, and a problem, when this is present and no map. Refuses keys that are unknown here or come twice.
  bool check_map() const;
  // As check_map() for a value that may be a secret: no key of it is repeated in a message.
  bool check_secret_map() const;
  // A map's values, under their own names; a list's items. Nothing when absent or empty.
  std::vector<Field> entries() const;
  std::vector<Field> items() const;

  // The typed values, with the environment substituted. Nothing when absent or refused.
  std::optional<std::string> text() const;                                    // one line, not empty
  std::optional<std::string> text_or_empty() const;                           // one line
  std::optional<std::string> word(std::string_view what, bool dashes) const;  // 1 to 63 of a-z 0-9 _ (and -)
  std::optional<std::int64_t> integer(std::int64_t least, std::int64_t most) const;
  std::optional<double> number(double least, double most) const;
  std::optional<bool> boolean() const;
  std::optional<std::uint64_t> size(std::uint64_t least, std::uint64_t most) const;  // 4096, 64KiB, 16MiB, 1GiB
  std::optional<std::size_t> choice(std::span<const std::string_view> words) const;  // position in `words`
  std::vector<std::string> texts() const;                                            // a list of them

 private:
  Field() = default;
  void check_keys(bool secret) const;
  Field below(std::string_view key) const;  // child() without its value

  const YamlNode* node_ = nullptr;
  Reading* reading_ = nullptr;
  std::string key_;      // own name
  std::string path_;     // "rules[0].columns.email"
  std::string pattern_;  // "rules[].columns.*"
  int parent_line_ = 1;
};

}  // namespace walbridge::config
