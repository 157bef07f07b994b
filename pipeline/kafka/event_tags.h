// The byte that each event of a value begins with (docs/kafka.md). Never reused for something else.
#pragma once

#include <cstdint>

namespace walbridge::kafka {

enum class EventTag : std::uint8_t {
  Begin = 'B',
  Commit = 'C',
  Insert = 'I',
  Update = 'U',         // without its old row
  UpdateOfKey = 'V',    // with its old key
  UpdateOfWhole = 'W',  // with its whole old row
  DeleteByKey = 'D',
  DeleteByWhole = 'E',
  Truncate = 'T',
  Schema = 'S',
  Mark = 'M',
};

// Flags of EventTag::Schema.
inline constexpr std::uint8_t kNewsLate = 1;
inline constexpr std::uint8_t kNewsIncomplete = 2;

}  // namespace walbridge::kafka
