// What appliers ask of the publisher, one JSON record each in `<topic>.control`. A request is not history: a publisher
// reads those that come while it runs, and an applier whose request is not answered asks again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/api/result.h"
#include "pipeline/api/source.h"

namespace walbridge::kafka {

struct Request {
  enum class Kind {
    Catalog,   // answered with the catalog
    Chunk,     // read `chunk` and answer with Chunk records, and a mark in the stream
    Withdraw,  // `id` is not wanted any more
    Announce,  // describe the tables `oids` in the stream, at the place they have there; empty: all
    Copy,      // ask every reader of the stream to copy `oids` again; answered with the position that a copy must end
               // behind
  };
  Kind kind = Kind::Catalog;
  std::uint64_t id = 0;
  std::string stream;  // the asker's; others are not answered
  std::string asker;   // UUID: a newer Chunk of the same asker takes the place of an older one
  ChunkRequest chunk;
  std::vector<std::uint32_t> oids;
};

std::string to_json(const Request& request);
Result<Request> request_from_json(std::string_view json);  // Operator "kafka-bad-request"

}  // namespace walbridge::kafka
