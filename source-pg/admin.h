// SourceAdmin over one ordinary connection, made on first use and made again when it broke. The advisory lock lives
// and dies with that connection: a reconnect takes it again before anything else. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "pipeline/api/source.h"
#include "source-pg/catalog_watch.h"
#include "source-pg/connection.h"

namespace walbridge::source_pg {

class Admin final : public SourceAdmin {
 public:
  explicit Admin(config::Source source) : source_(std::move(source)) {}

  Result<std::string> identity() override;
  Status lock() override;
  Result<std::vector<SourceTable>> describe_tables() override;
  std::vector<Finding> preflight(std::span<const PublishedTable> tables) override;
  Status ensure_publication(std::span<const PublishedTable> tables) override;
  Status verify_publication(std::span<const PublishedTable> tables) override;
  Result<CaptureStatus> ensure_capture() override;
  Result<CaptureStatus> capture_status() override;
  Status announce(std::span<const std::uint32_t> oids) override;
  Result<CatalogWatch::Known> announce_changes(CatalogWatch::Known known) override;
  Result<Lsn> request_copy(std::span<const std::uint32_t> oids) override;
  Result<std::vector<std::uint32_t>> unpublished(std::span<const SourceTable* const> tables) override;
  Result<SlotStatus> slot_status() override;
  Result<std::vector<OwnedObject>> owned() override;
  Status drop(const OwnedObject& object) override;

 private:
  Result<Connection*> connected();
  Status take_lock(Connection& connection);
  Result<std::string> token(Connection& connection);

  config::Source source_;
  std::optional<Connection> connection_;
  CatalogWatch watch_;
  std::string token_;     // the first that was learnt; empty: none yet
  bool polling_ = false;  // nobody wrote schema changes into the stream while it was not read
  bool locked_ = false;
  int last_pid_ = 0;  // of the connection that held the lock
};

}  // namespace walbridge::source_pg
