// libFuzzer: any bytes as one replication session. The input is a sequence of messages, each behind a two-byte length
// (cut to what is left), so that mutations reach the state between messages; each is also tried as a frame. Seeds are
// the goldens, through golden_corpus.py.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "source-pg/change_assembler.h"
#include "source-pg/copy_both.h"
#include "source-pg/wire_cursor.h"
#include "tests/unit/source-pg/well_formed.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace walbridge;
  using namespace walbridge::source_pg;
  WireCursor in({reinterpret_cast<const char*>(data), size});
  ChangeAssembler assembler;
  assembler.trust("t");
  Chunk chunk;
  while (in.remaining() >= 2) {
    const std::size_t declared = in.u16();
    // A buffer of its own, so that the sanitizer sees a read one byte past the message.
    const std::string_view view = in.take(declared < in.remaining() ? declared : in.remaining());
    const std::vector<char> message(view.begin(), view.end());
    const std::string_view payload(message.data(), message.size());
    static_cast<void>(decode_frame(payload));
    Arena unbounded;
    static_cast<void>(pgoutput::decode(payload, unbounded));
    const Status outcome = assembler.append(payload, chunk);
    if (!outcome && outcome.error().code != "protocol") std::abort();
    if (!outcome) break;
  }
  if (!malformation_of(chunk).empty()) std::abort();
  return 0;
}
