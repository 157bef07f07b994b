// The rows of a FakeTable under the changes of the Sink seam. Pure.
#pragma once

#include <span>

#include "pipeline/api/result.h"
#include "tests/contract/fake_tables.h"

namespace walbridge::testing {

FakeValue fake_value(const SqlValue& value);

// PoisonRow errors leave the table as it was.
Status fake_insert(FakeTable& table, std::span<const SqlValue> values);
Status fake_apply(FakeTable& table, const CacheChange& change);

}  // namespace walbridge::testing
