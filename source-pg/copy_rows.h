// One running COPY … TO STDOUT, row by row. A stream that is left before its end closes the connection: the server
// cannot be asked to stop without breaking the snapshot's transaction anyway. The reader's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/api/source.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

class CopyRows final : public CopyStream {
 public:
  // `connection` is in COPY OUT; `what` names the table in errors.
  CopyRows(std::shared_ptr<Connection> connection, std::size_t columns, std::string what)
      : connection_(std::move(connection)), columns_(columns), what_(std::move(what)) {}
  CopyRows(const CopyRows&) = delete;
  CopyRows& operator=(const CopyRows&) = delete;
  ~CopyRows() override;

  Result<bool> next(std::vector<WireValue>& row) override;

 private:
  Result<bool> finish(int outcome);

  struct Free {
    void operator()(char* buffer) const { PQfreemem(buffer); }
  };
  std::shared_ptr<Connection> connection_;
  std::size_t columns_;
  std::string what_;
  std::unique_ptr<char, Free> line_;
  bool done_ = false;
};

}  // namespace walbridge::source_pg
