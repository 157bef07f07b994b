// walbridge's own messages in the stream: what they are called, and what they say. Their content is hostile until
// parsed, also when the token is right: it is as old as the walbridge, or the install, that wrote it. Pure; any thread.
//
// "walbridge.ddl.TOKEN": {"v":1, "op":"ddl|rewrite|copy|error", "tag":…, "tables":[{"d":DESCRIPTION, "rows":estimate}],
//  "gone":[oid], "copy":[oid]} in UTF-8; copy: of op "copy" what somebody asked for, otherwise what was rewritten.
//  "walbridge.mark.TOKEN": a decimal number. "walbridge.pad": nothing; it follows
// each of the others, because a message and the row after it may otherwise swap (both stand at one position of the
// log).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/api/change.h"

namespace walbridge::source_pg {

inline constexpr std::string_view kMessagePrefix = "walbridge.";
inline constexpr std::string_view kPadPrefix = "walbridge.pad";
inline constexpr std::string_view kAnnouncedTag = "announced";  // of what walbridge itself found by looking
inline std::string schema_message_prefix(const std::string& token) { return "walbridge.ddl." + token; }
inline std::string mark_message_prefix(const std::string& token) { return "walbridge.mark." + token; }

// What cannot be read is `incomplete`: something changed, nobody knows what.
SchemaNews decode_schema_message(std::string_view content);

std::optional<std::uint64_t> decode_mark_message(std::string_view content);

}  // namespace walbridge::source_pg
