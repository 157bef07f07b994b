// The Postgres implementations of the source seams. Each object has its own connection, made on first use, with the
// canonical session settings; nothing here connects in a constructor.
#pragma once

#include <memory>

#include "config/config.h"
#include "pipeline/api/source.h"

namespace walbridge::source_pg {

std::unique_ptr<Source> open_source(const config::Config& config);
std::unique_ptr<SnapshotSource> open_snapshot_source(const config::Config& config);
std::unique_ptr<BackfillSource> open_backfill_source(const config::Config& config);
std::unique_ptr<SourceAdmin> open_source_admin(const config::Config& config);

}  // namespace walbridge::source_pg
