#include "tests/contract/cache_under_test.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace walbridge::testing {

std::string null_cell() { return "null"; }
std::string integer_cell(std::int64_t value) { return fmt::format("i:{}", value); }
std::string real_cell(double value) { return fmt::format("r:{:.17g}", value); }
std::string text_cell(std::string_view value) { return fmt::format("t:{}", value); }

std::string blob_cell(std::string_view bytes) {
  std::string hex = "b:";
  for (const char byte : bytes) hex += fmt::format("{:02X}", static_cast<unsigned char>(byte));
  return hex;
}

std::string cell(const SqlValue& value) {
  switch (value.kind) {
    case SqlValue::Kind::Integer:
      return integer_cell(value.integer);
    case SqlValue::Kind::Real:
      return real_cell(value.real);
    case SqlValue::Kind::Text:
      return text_cell(value.bytes);
    case SqlValue::Kind::Blob:
      return blob_cell(value.bytes);
    default:
      return null_cell();
  }
}

namespace {

std::vector<CacheKind> find_caches() {
  std::vector<CacheKind> kinds = {{"fake", make_fake_cache}, {"file", make_file_cache}};
  const auto add_server = [&](const char* variable, CacheKind kind) {
    const char* url = std::getenv(variable);
    if (url != nullptr && *url != '\0') {
      kinds.push_back(std::move(kind));
    } else {
      std::fprintf(stderr, "contract: %s is left out, %s is not set\n", kind.name.c_str(), variable);
    }
  };
  add_server("WALBRIDGE_TEST_SQLD_URL", {"sqld", make_sqld_cache});
  add_server("WALBRIDGE_TEST_TURSODB_URL", {"tursodb", make_tursodb_cache});
  return kinds;
}

}  // namespace

const std::vector<CacheKind>& caches_under_test() {
  static const std::vector<CacheKind> kinds = find_caches();  // asked once per test; says once what is left out
  return kinds;
}

}  // namespace walbridge::testing
