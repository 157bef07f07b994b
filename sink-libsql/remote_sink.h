// The sink behind libsql://, https:// and http://: a remote libSQL or Turso database over Hrana. Nothing connects
// before open(), peek() or check(). One cache transaction is one request; there is never a second one in flight.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "pipeline/api/result.h"
#include "pipeline/api/sink.h"

namespace walbridge::sink_libsql {

Result<std::unique_ptr<Sink>> open_remote_sink(const config::Sink& sink, const std::string& stream);

}  // namespace walbridge::sink_libsql
