// The sinks walbridge knows: a local SQLite file (`file:PATH`) and a remote database over Hrana
// (`libsql://`, `https://`, `http://`). Nothing here connects before Sink::open().
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "pipeline/api/result.h"
#include "pipeline/api/sink.h"

namespace walbridge::sink_libsql {

// `stream`: the row of _walbridge_checkpoint this bridge owns (config.name).
Result<std::unique_ptr<Sink>> open_sink(const config::Sink& sink, const std::string& stream);

}  // namespace walbridge::sink_libsql
