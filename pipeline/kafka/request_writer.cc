#include "pipeline/kafka/request_writer.h"

#include <vector>

namespace walbridge::kafka {

Status RequestWriter::write(const Request& request) {
  if (!writer_) {
    WALBRIDGE_TRY_AS(writer_, open_());
  }
  const auto written = writer_->write({}, to_json(request));
  if (!written) {
    writer_.reset();
    return written.error();
  }
  if (*written) return Done{};
  return Error{Verdict::Retry, "kafka-full", "the control topic takes nothing", {}, {}};
}

Result<std::size_t> RequestWriter::reports(std::chrono::milliseconds at_most) {
  if (!writer_) return std::size_t{0};
  std::vector<std::int64_t> offsets;
  auto reported = writer_->reports(at_most, offsets);
  if (reported) return offsets.size();
  writer_.reset();
  return std::move(reported.error());
}

Status RequestWriter::look() {
  WALBRIDGE_TRY(reports({}));
  return Done{};
}

Status RequestWriter::confirm(std::chrono::milliseconds at_most) {
  WALBRIDGE_TRY_AS(const auto stored, reports(at_most));
  if (stored > 0) return Done{};
  const auto trouble = writer_ ? writer_->trouble() : std::nullopt;
  return trouble.value_or(Error{Verdict::Retry, "kafka-unreachable", "the control topic does not confirm", {}, {}});
}

}  // namespace walbridge::kafka
