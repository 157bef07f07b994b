#include "config/yaml_tree.h"

#include <cstddef>
#include <exception>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace walbridge::config {
namespace {

constexpr std::size_t kMaxDepth = 32;      // the deepest key of ours is at 6
constexpr std::size_t kMaxNodes = 100000;  // an alias may name another many times over

constexpr const char* kNotAWord = "a key must be a word, not a list, a map or nothing";
constexpr const char* kTooMuch = "the file nests too deeply or repeats itself too often";

struct Refusal {
  int line = 0;
  std::string message;
};

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 0 : mark.line + 1; }

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) count += count_nodes(item);
  return count;
}

// Listens to the parser because its own tree builders will not do: YAML::Load passes over what follows the first
// document in silence, YAML::LoadAll (0.7) never returns from a stray `]`.
class TreeBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(make(YamlNode::Kind::Null, mark), anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& value) override {
    YamlNode node = make(YamlNode::Kind::Scalar, mark);
    node.text = value;
    add(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto at = anchors_.find(anchor);
    if (at == anchors_.end()) return refuse(line_of(mark), "an alias stands inside of what it names");
    nodes_ += at->second.second;
    if (nodes_ > kMaxNodes) return refuse(line_of(mark), kTooMuch);
    add(at->second.first, YAML::NullAnchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(make(YamlNode::Kind::List, mark), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(make(YamlNode::Kind::Map, mark), anchor);
  }
  void OnMapEnd() override { close(); }

  const std::optional<Refusal>& refusal() const { return refusal_; }
  YamlNode& root() { return root_; }

 private:
  struct Level {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::optional<YamlNode> key;  // of a map: read, its value not yet
  };

  // After the first refusal the rest of the events pass by.
  void refuse(int line, const char* message) {
    if (!refusal_) refusal_ = Refusal{line, message};
  }

  YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark) {
    if (++nodes_ > kMaxNodes) refuse(line_of(mark), kTooMuch);
    YamlNode node;
    node.kind = kind;
    node.line = line_of(mark);
    return node;
  }

  void open(YamlNode node, YAML::anchor_t anchor) {
    if (levels_.size() >= kMaxDepth) refuse(node.line, kTooMuch);
    if (!refusal_) levels_.push_back({std::move(node), anchor, std::nullopt});
  }

  void close() {
    if (refusal_ || levels_.empty()) return;
    Level level = std::move(levels_.back());
    levels_.pop_back();
    add(std::move(level.node), level.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (refusal_) return;
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {node, count_nodes(node)};
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::List) {
      level.node.items.push_back(std::move(node));
    } else if (level.key) {
      node.key = std::move(level.key->text);
      node.key_line = level.key->line;
      level.key.reset();
      level.node.items.push_back(std::move(node));
    } else if (node.kind == YamlNode::Kind::Scalar) {
      level.key = std::move(node);
    } else {
      refuse(node.line, kNotAWord);
    }
  }

  YamlNode root_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, std::pair<YamlNode, std::size_t>> anchors_;  // finished ones, with their size
  std::size_t nodes_ = 0;
  std::optional<Refusal> refusal_;
};

// Sees only where a document begins.
class SecondDocument : public TreeBuilder {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { line_ = line_of(mark); }
  int line() const { return line_; }

 private:
  int line_ = 0;
};

// A brace of a variable reads as one of YAML's own there. The parser may notice it in the next line only.
const char* advice(const std::string& text, int line) {
  std::size_t at = 0;
  for (int number = 1; number <= line && at != std::string::npos; ++number) {
    const std::size_t end = text.find('\n', at);
    if (number + 1 >= line && text.substr(at, end - at).find("${") != std::string::npos) {
      return "; put `${VAR}` in quotes inside { }";
    }
    at = end == std::string::npos ? end : end + 1;
  }
  return "";
}

// Some messages of the parser end in a piece of the text, which may be a secret: "unknown anchor: abc".
std::string without_quotation(const std::string& message) { return message.substr(0, message.find(':')); }

}  // namespace

std::variant<YamlNode, Problem> parse_yaml(const std::string& text, const std::string& file_name) {
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    if (builder.refusal()) return Problem{file_name, builder.refusal()->line, "", builder.refusal()->message};
    SecondDocument rest;
    if (parser.HandleNextDocument(rest)) {
      return Problem{file_name, rest.line(), "", "not valid YAML: a stray bracket, or more than one YAML document"};
    }
    return std::move(builder.root());
  } catch (const YAML::Exception& error) {
    const int line = line_of(error.mark);
    return Problem{file_name, line, "", "not valid YAML: " + without_quotation(error.msg) + advice(text, line)};
  } catch (const std::exception&) {
    return Problem{file_name, 0, "", "not valid YAML"};
  }
}

}  // namespace walbridge::config
