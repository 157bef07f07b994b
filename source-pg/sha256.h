// SHA-256 as hexadecimal text. Pure; any thread.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace walbridge::source_pg {

inline std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) return {};
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace walbridge::source_pg
