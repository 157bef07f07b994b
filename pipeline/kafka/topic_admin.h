// What an applier has in place of a source database: a topic. As SourceAdmin it says which stream the topic holds and
// passes on to the publisher what only Postgres can do; as SnapshotSource it gives a new cache its beginning: a place
// in the topic and the catalog as of there. Rows come by copies while the stream goes on (pipeline/table_fill.h). One
// thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/api/source.h"
#include "pipeline/kafka/topic_client.h"

namespace walbridge::kafka {

// So long is a publisher waited for.
inline constexpr std::chrono::seconds kPatience{30};

class TopicAdmin final : public SourceAdmin {
 public:
  // `asks_catalog`: describe_tables() asks the publisher; a bridge that runs learns its tables otherwise.
  // `check`: check_topics() or a test's own.
  TopicAdmin(std::shared_ptr<TopicClient> client, bool asks_catalog, std::function<std::vector<Finding>()> check)
      : client_(std::move(client)), asks_catalog_(asks_catalog), check_(std::move(check)) {}

  Result<std::string> identity() override;
  Status lock() override { return Done{}; }
  Result<std::vector<SourceTable>> describe_tables() override;
  std::vector<Finding> preflight(std::span<const PublishedTable>) override { return check_(); }
  Status ensure_publication(std::span<const PublishedTable>) override { return Done{}; }
  Status verify_publication(std::span<const PublishedTable>) override { return Done{}; }
  Result<CaptureStatus> ensure_capture() override;
  Result<CaptureStatus> capture_status() override { return ensure_capture(); }
  Status announce(std::span<const std::uint32_t> oids) override;
  Result<std::map<std::uint32_t, std::string>> announce_changes(std::map<std::uint32_t, std::string> known) override {
    return known;  // the publisher looks
  }
  Result<Lsn> request_copy(std::span<const std::uint32_t> oids) override;
  Result<std::vector<std::uint32_t>> unpublished(std::span<const SourceTable* const>) override {
    return std::vector<std::uint32_t>{};
  }
  Result<SlotStatus> slot_status() override;
  Result<std::vector<OwnedObject>> owned() override { return std::vector<OwnedObject>{}; }
  Status drop(const OwnedObject&) override { return Done{}; }

 private:
  std::shared_ptr<TopicClient> client_;
  const bool asks_catalog_;
  const std::function<std::vector<Finding>()> check_;
  std::string identity_;
};

class TopicSnapshot final : public SnapshotSource {
 public:
  explicit TopicSnapshot(std::shared_ptr<TopicClient> client) : client_(std::move(client)) {}

  Result<SnapshotPoint> begin(SlotUse use) override;
  Result<std::unique_ptr<SnapshotReader>> reader() override;
  Result<std::vector<CopyPart>> parts(const SourceTable&, std::uint64_t) override { return std::vector<CopyPart>{}; }
  Result<std::vector<SourceTable>> describe_tables() override { return catalog_; }
  void end() noexcept override {}

 private:
  std::shared_ptr<TopicClient> client_;
  std::vector<SourceTable> catalog_;
};

}  // namespace walbridge::kafka
