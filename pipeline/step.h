// The outcome of one bounded step of the engine. The caller decides how to wait.
#pragma once

#include <cstdint>

namespace walbridge::pipeline {

enum class Step {
  Progressed,  // call again at once
  Idle,        // nothing to do until woken or until the step's owner says so
};

}  // namespace walbridge::pipeline
