#include "sink-libsql/open.h"

#include "sink-libsql/local_sink.h"
#include "sink-libsql/remote_sink.h"

namespace walbridge::sink_libsql {

Result<std::unique_ptr<Sink>> open_sink(const config::Sink& sink, const std::string& stream) {
  if (sink.url.starts_with("file:")) return open_local_sink(sink, stream);
  return open_remote_sink(sink, stream);
}

}  // namespace walbridge::sink_libsql
