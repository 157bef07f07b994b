// The fake under its own contract.
#include <algorithm>
#include <memory>

#include "tests/contract/cache_under_test.h"
#include "tests/contract/fake_sink.h"

namespace walbridge::testing {
namespace {

std::string fake_cell(const FakeValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return integer_cell(*integer);
  if (const auto* real = std::get_if<double>(&value)) return real_cell(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return text_cell(*text);
  if (const auto* blob = std::get_if<FakeBlob>(&value)) return blob_cell(blob->bytes);
  return null_cell();
}

class FakeCacheUnderTest final : public CacheUnderTest {
 public:
  std::unique_ptr<Sink> make_sink(const std::string& stream) override {
    return std::make_unique<FakeSink>(cache_, stream, [this](FakeCall call) -> std::optional<FakeFault> {
      if (call != FakeCall::Commit || !std::exchange(lose_answer_, false)) return std::nullopt;
      return FakeFault{{Verdict::Retry, "connection", "the answer was lost", ""}, true};
    });
  }

  std::optional<Rows> rows(const CacheTable& table) override {
    const auto found = cache_->tables.find(table.name);
    if (found == cache_->tables.end()) return std::nullopt;
    Rows rows;
    for (const auto& stored : found->second.rows()) {
      Row row;
      for (const auto& column : table.columns) {
        const auto& columns = found->second.shape.columns;
        const auto at = std::find_if(columns.begin(), columns.end(),
                                     [&](const auto& stored_column) { return stored_column.name == column.name; });
        if (at == columns.end()) return std::nullopt;
        row.push_back(fake_cell(stored[static_cast<std::size_t>(at - columns.begin())]));
      }
      rows.push_back(std::move(row));
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  void move_stored_commit_lsn(const std::string& stream, std::int64_t commit_lsn) override {
    cache_->positions.at(stream).checkpoint.commit_lsn.value = static_cast<std::uint64_t>(commit_lsn);
  }
  void move_stored_offset(const std::string& stream, std::int64_t offset) override {
    cache_->positions.at(stream).checkpoint.kafka.next_offset = offset;
  }
  void lose_checkpoint(const std::string& stream) override { cache_->positions.erase(stream); }
  void make_strange_table(const std::string& name) override { cache_->tables[name].shape.name = name; }
  bool lose_next_commit_answer() override { return lose_answer_ = true; }

 private:
  std::shared_ptr<FakeCache> cache_ = std::make_shared<FakeCache>();
  bool lose_answer_ = false;
};

}  // namespace

std::unique_ptr<CacheUnderTest> make_fake_cache() { return std::make_unique<FakeCacheUnderTest>(); }

}  // namespace walbridge::testing
