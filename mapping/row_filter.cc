#include "mapping/row_filter.h"

#include <algorithm>

namespace walbridge::mapping {

namespace {

using Truth = RowFilter::Truth;
using Node = RowFilter::Node;
using Comparison = RowFilter::Comparison;
using Kind = SqlValue::Kind;

Truth truth(bool value) { return value ? Truth::True : Truth::False; }

// -1, 0, 1; both are of one kind, which the compiler saw to.
int order(const SqlValue& a, const SqlValue& b) {
  if (a.kind == Kind::Integer) return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
  const int bytes = a.bytes.compare(b.bytes);
  return bytes < 0 ? -1 : bytes > 0 ? 1 : 0;
}

bool holds(Comparison comparison, int order) {
  switch (comparison) {
    case Comparison::Equal:
      return order == 0;
    case Comparison::NotEqual:
      return order != 0;
    case Comparison::Less:
      return order < 0;
    case Comparison::LessOrEqual:
      return order <= 0;
    case Comparison::Greater:
      return order > 0;
    case Comparison::GreaterOrEqual:
      break;
  }
  return order >= 0;
}

std::size_t next_character(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) ++size;
  return size;
}

// % any text, _ one character, \ the next one as it is. Goes back to the last % only: an earlier one could take no
// less.
bool is_like(std::string_view text, std::string_view pattern) {
  std::string_view retry_text;
  std::string_view retry_pattern;
  bool retry = false;
  while (true) {
    if (!pattern.empty() && pattern[0] == '%') {
      pattern.remove_prefix(1);
      retry = true;
      retry_pattern = pattern;
      retry_text = text;
      continue;
    }
    bool fits = false;
    if (pattern.empty() || text.empty()) {
      if (pattern.empty() && text.empty()) return true;
    } else if (pattern[0] == '_') {
      pattern.remove_prefix(1);
      text.remove_prefix(next_character(text));
      fits = true;
    } else {
      const std::size_t escape = pattern[0] == '\\' && pattern.size() > 1 ? 1 : 0;
      fits = pattern[escape] == text[0];
      if (fits) {
        pattern.remove_prefix(escape + 1);
        text.remove_prefix(1);
      }
    }
    if (fits) continue;
    if (!retry || retry_text.empty()) return false;
    retry_text.remove_prefix(next_character(retry_text));
    text = retry_text;
    pattern = retry_pattern;
  }
}

class Evaluation {
 public:
  Evaluation(const RowFilter::Row& row, Arena& scratch) : row_(row), scratch_(scratch) {}

  Truth of(const Node& node) {
    switch (node.kind) {
      case RowFilter::Kind::Constant:
        return node.constant;
      case RowFilter::Kind::Column:
        return column(node);
      case RowFilter::Kind::Compare:
        return compare(node);
      case RowFilter::Kind::IsDistinct:
        return is_distinct(node);
      case RowFilter::Kind::In:
        return in(node);
      case RowFilter::Kind::Like:
        return like(node);
      case RowFilter::Kind::IsNull:
        return is_null(node);
      case RowFilter::Kind::And:
        return all(node, Truth::False, Truth::True);
      case RowFilter::Kind::Or:
        return all(node, Truth::True, Truth::False);
      case RowFilter::Kind::Not:
        return negated(of(node.children.front()));
      case RowFilter::Kind::IsTrue:
        return is(of(node.children.front()), Truth::True);
      case RowFilter::Kind::IsFalse:
        return is(of(node.children.front()), Truth::False);
    }
    return Truth::Null;
  }

  Fault fault() const { return fault_; }
  std::size_t faulty_column() const { return faulty_column_; }

 private:
  static Truth negated(Truth value) {
    if (value == Truth::True) return Truth::False;
    return value == Truth::False ? Truth::True : value;
  }

  static Truth is(Truth value, Truth wanted) { return value == Truth::NotSent ? value : truth(value == wanted); }

  // AND: one `decisive` False decides, all True is True; OR the other way round.
  Truth all(const Node& node, Truth decisive, Truth otherwise) {
    Truth result = otherwise;
    for (const Node& child : node.children) {
      const Truth value = of(child);
      if (value == decisive) return decisive;
      if (value == Truth::NotSent || (value == Truth::Null && result != Truth::NotSent)) result = value;
    }
    return result;
  }

  // Absent: not sent.
  SqlValue read(const RowFilter::Operand& operand) {
    if (operand.column < 0) return operand.constant;
    const auto at = static_cast<std::size_t>(operand.column);
    const WireValue& wire = row_.at(at);
    if (wire.kind == WireValue::Kind::Null) return SqlValue::null();
    SqlValue value;
    if (wire.kind == WireValue::Kind::Unchanged) return value;
    const Fault fault = operand.reader->encode(wire.text, scratch_, value);
    if (fault == nullptr) return value;
    if (fault_ == nullptr) {
      fault_ = fault;
      faulty_column_ = at;
    }
    return SqlValue::null();
  }

  Truth column(const Node& node) {
    const SqlValue value = read(node.left);
    if (value.kind == Kind::Absent) return Truth::NotSent;
    return value.kind == Kind::Null ? Truth::Null : truth(value.integer != 0);
  }

  Truth compare(const Node& node) {
    const SqlValue left = read(node.left);
    const SqlValue right = read(node.right);
    if (left.kind == Kind::Null || right.kind == Kind::Null) return Truth::Null;
    if (left.kind == Kind::Absent || right.kind == Kind::Absent) return Truth::NotSent;
    return truth(holds(node.comparison, order(left, right)));
  }

  Truth is_distinct(const Node& node) {
    const SqlValue left = read(node.left);
    const SqlValue right = read(node.right);
    // What was not sent is stored out of line, so it is no NULL.
    if (left.kind == Kind::Null || right.kind == Kind::Null) return truth(left.kind != right.kind);
    if (left.kind == Kind::Absent || right.kind == Kind::Absent) return Truth::NotSent;
    return truth(order(left, right) != 0);
  }

  Truth in(const Node& node) {
    const SqlValue left = read(node.left);
    if (left.kind == Kind::Null) return Truth::Null;
    if (left.kind == Kind::Absent) return Truth::NotSent;
    Truth result = Truth::False;
    for (const auto& operand : node.list) {
      const SqlValue value = read(operand);
      if (value.kind == Kind::Null) {
        result = result == Truth::NotSent ? result : Truth::Null;
      } else if (value.kind == Kind::Absent) {
        result = Truth::NotSent;
      } else if (order(left, value) == 0) {
        return Truth::True;
      }
    }
    return result;
  }

  Truth like(const Node& node) {
    const SqlValue value = read(node.left);
    if (value.kind == Kind::Null) return Truth::Null;
    return value.kind == Kind::Absent ? Truth::NotSent : truth(is_like(value.bytes, node.pattern));
  }

  Truth is_null(const Node& node) {
    if (!node.children.empty()) return is(of(node.children.front()), Truth::Null);
    return truth(row_.at(static_cast<std::size_t>(node.left.column)).kind == WireValue::Kind::Null);
  }

  const RowFilter::Row& row_;
  Arena& scratch_;
  Fault fault_ = nullptr;
  std::size_t faulty_column_ = 0;
};

}  // namespace

Fault RowFilter::evaluate(const Row& row, Arena& scratch, Truth& out, std::size_t& column) const {
  Evaluation evaluation(row, scratch);
  out = evaluation.of(root);
  column = evaluation.faulty_column();
  return evaluation.fault();
}

}  // namespace walbridge::mapping
