// The codec of Hrana over HTTP: one `batch` request out, its reply in ("SQL over HTTP v3", PROTOCOL.md of
// tursodatabase; HRANA_3_SPEC.md of libsql). Pure. A reply is hostile until parsed: whatever comes, parse_batch_reply()
// answers with a Result. One thread per object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/api/cache_table.h"
#include "pipeline/api/result.h"

namespace walbridge::sink_libsql {

// Writes the steps of one batch straight into the request's bytes.
class HranaBatch {
 public:
  enum class When { Always, PreviousOk, StepOk, StepNotOk };

  HranaBatch();

  // Starts a step and returns its number; the step before must be ended. `step` for StepOk and StepNotOk.
  std::size_t begin_step(std::string_view sql, When when = When::PreviousOk, std::size_t step = 0,
                         bool want_rows = false);
  void null();
  void integer(std::int64_t value);
  void real(double value);
  void text(std::string_view value);
  void blob(std::string_view value);
  void value(const SqlValue& value);
  void end_step();

  // A step without arguments.
  std::size_t step(std::string_view sql, When when = When::PreviousOk, std::size_t of = 0, bool want_rows = false);

  // A text argument that is itself JSON: rows of values, written once with both levels of escapes.
  void begin_json();
  void json_raw(char c) { body_ += c; }                 // one of [ ] ,
  void json_value(const SqlValue& value, bool as_hex);  // as_hex: blobs
  std::size_t json_bytes() const { return body_.size() - json_start_; }
  std::size_t position() const { return body_.size(); }
  std::string cut_from(std::size_t position);  // takes back what was written from there on
  void json_append(std::string_view written) { body_ += written; }
  void end_json();

  void clear();  // keeps its memory
  std::size_t steps() const { return steps_; }
  std::size_t bytes() const { return body_.size(); }
  // The whole request. `baton` empty: a new stream. May be called again with another baton.
  const std::string& request(std::string_view baton, bool close);

 private:
  void begin_argument();
  std::string body_;
  std::size_t steps_ = 0;
  std::size_t arguments_ = 0;
  std::size_t json_start_ = 0;
  std::size_t end_of_steps_ = 0;
  bool want_rows_ = false;
};

struct HranaError {
  std::string message;
  std::string code;
};

struct HranaValue {
  SqlValue::Kind kind = SqlValue::Kind::Null;
  std::int64_t integer = 0;
  double real = 0;
  std::string bytes;
};

struct HranaStep {
  enum class State { Skipped, Ok, Failed };
  State state = State::Skipped;
  std::int64_t affected_rows = 0;  // tursodb always says 0
  std::vector<std::vector<HranaValue>> rows;
  HranaError error;  // Failed only
};

struct HranaReply {
  std::string baton;  // empty: the stream is closed
  std::string base_url;
  std::optional<HranaError> request_error;  // the batch as a whole was refused
  std::vector<HranaStep> steps;
};

// Fails with Retry and code "bad-reply": what the server did is unknown.
Result<HranaReply> parse_batch_reply(std::string_view body, std::size_t steps);

// {"error": ".."} or {"message": "..", "code": ".."} of a reply that is not 200; empty fields when it is neither.
HranaError parse_error_body(std::string_view body);

// The digits of a double that every SQLite reads back exactly: 17 of them, ".0" after a whole number.
void append_json_real(std::string& to, double value);

}  // namespace walbridge::sink_libsql
