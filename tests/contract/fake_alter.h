// Schema steps on the tables of a FakeCache. One thread.
#pragma once

#include <span>
#include <string>

#include "pipeline/api/result.h"
#include "pipeline/api/schema_step.h"
#include "tests/contract/fake_stage.h"

namespace walbridge::testing {

// PoisonRow errors name the table.
Status fake_alter(FakeStage& stage, const std::string& stream, std::span<const SchemaStep> steps);

// Runs one SQL statement on what `stage` holds.
Status fake_execute(FakeStage& stage, const SchemaStep& step);

}  // namespace walbridge::testing
