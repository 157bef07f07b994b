#include "source-pg/copy_rows.h"

#include "source-pg/copy_text.h"
#include "source-pg/pg_error.h"

namespace walbridge::source_pg {

CopyRows::~CopyRows() {
  if (!done_) *connection_ = Connection();
}

Result<bool> CopyRows::next(std::vector<WireValue>& row) {
  if (done_) return false;
  char* buffer = nullptr;
  const int size = PQgetCopyData(connection_->raw(), &buffer, 0);
  line_.reset(buffer);
  if (size <= 0) return finish(size);
  auto length = static_cast<std::size_t>(size);
  if (buffer[length - 1] == '\n') --length;
  split_copy_line(buffer, length, row);
  if (row.size() == columns_) return true;
  // A row of no columns is an empty line, which cannot be told from one empty value.
  if (columns_ == 0 && length == 0) {
    row.clear();
    return true;
  }
  return Error{Verdict::Operator, "copy-row",
               "copying " + what_ + ": a row of " + std::to_string(row.size()) + " columns instead of " +
                   std::to_string(columns_),
               "the server's COPY output is damaged: report it"};
}

Result<bool> CopyRows::finish(int outcome) {
  constexpr int kEnd = -1;
  const std::string doing = "copying " + what_;
  if (outcome != kEnd) return error_from(connection_->raw(), doing);
  while (PGresult* result = PQgetResult(connection_->raw())) {
    const Rows rows(result);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) return error_from(result, doing);
  }
  done_ = true;
  return false;
}

}  // namespace walbridge::source_pg
