// Property: no sequence of bytes makes the decoder or the assembler do anything but accept or refuse with error
// "protocol", and what was accepted is well-formed. Runs for WALBRIDGE_TEST_SECONDS (default 1) from
// WALBRIDGE_TEST_SEED (default: fixed); the sanitizer builds watch the memory.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "source-pg/change_assembler.h"
#include "source-pg/copy_both.h"
#include "tests/unit/source-pg/well_formed.h"
#include "tests/unit/source-pg/wire_bytes.h"

namespace walbridge::source_pg {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

std::vector<std::string> honest_stream() {
  return {begin_message(100).bytes(),
          relation_message(7).bytes(),
          insert_message(7, "1", "one").bytes(),
          WireBytes('U').u32(7).u8('K').u16(2).text("1").u8('n').u8('N').u16(2).text("2").u8('u').bytes(),
          WireBytes('D').u32(7).u8('O').u16(2).text("2").u8('n').bytes(),
          WireBytes('T').u32(1).u8(1).u32(7).bytes(),
          WireBytes('O').u64(3).string("o").bytes(),
          WireBytes('Y').u32(9).string("public").string("mood").bytes(),
          WireBytes('M').u8(1).u64(3).string("p").u32(2).raw("ab").bytes(),
          commit_message(100, 120).bytes()};
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  void mutate(std::vector<std::string>& stream) {
    for (std::size_t times = 1 + below(3); times > 0; --times) {
      std::string& message = stream[below(stream.size())];
      switch (below(7)) {
        case 0:
          flip(message);
          break;
        case 1:
          message.resize(below(message.size() + 1));
          break;
        case 2:
          message += static_cast<char>(below(256));
          break;
        case 3:
          message.insert(below(message.size() + 1), 1, static_cast<char>(below(256)));
          break;
        case 4:
          std::swap(stream[below(stream.size())], stream[below(stream.size())]);
          break;
        case 5:
          stream.push_back(std::string(stream[below(stream.size())]));
          break;
        default:
          overwrite(message);
      }
    }
  }

 private:
  void flip(std::string& message) {
    if (message.empty()) return;
    char& byte = message[below(message.size())];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << below(8)));
  }
  // The lengths and counts that break careless decoders.
  void overwrite(std::string& message) {
    static const std::string kNasty[] = {std::string(4, '\xff'), std::string("\x7f\xff\xff\xff"), std::string(4, '\0'),
                                         std::string("\x80\0\0\0", 4), std::string("\xff\xff")};
    const std::string& nasty = kNasty[below(5)];
    if (message.size() >= nasty.size()) message.replace(below(message.size() - nasty.size() + 1), nasty.size(), nasty);
  }

  std::mt19937_64 random_;
};

TEST(HostileStream, IsAcceptedWellFormedOrRefused) {
  const std::uint64_t seed = from_environment("WALBRIDGE_TEST_SEED", 0x5eed);
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(from_environment("WALBRIDGE_TEST_SECONDS", 1));
  Mutator mutator(seed);
  std::size_t accepted = 0;
  std::size_t refused = 0;
  do {
    std::vector<std::string> stream = honest_stream();
    mutator.mutate(stream);
    ChangeAssembler assembler;
    Chunk chunk;
    for (const std::string& payload : stream) {
      const Status outcome = assembler.append(payload, chunk);
      if (!outcome) {
        ASSERT_EQ(outcome.error().code, "protocol") << "WALBRIDGE_TEST_SEED=" << seed;
        ++refused;
        break;
      }
      ++accepted;
      static_cast<void>(decode_frame(payload));
    }
    ASSERT_EQ(malformation_of(chunk), "") << "WALBRIDGE_TEST_SEED=" << seed;
  } while (std::chrono::steady_clock::now() < deadline);
  EXPECT_GT(accepted, 1000U);
  EXPECT_GT(refused, 1000U);
}

}  // namespace
}  // namespace walbridge::source_pg
