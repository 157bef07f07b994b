// Named places where a crash test kills the process (SIGKILL) in builds made with WALBRIDGE_FAILPOINTS:
// WALBRIDGE_CRASH_AT=name or name:N (the N-th time it is passed). Release builds contain nothing of it.
#pragma once

#ifdef WALBRIDGE_FAILPOINTS
namespace walbridge {
void pass_failpoint(const char* name);
}
#define WALBRIDGE_FAILPOINT(name) ::walbridge::pass_failpoint(name)
#else
#define WALBRIDGE_FAILPOINT(name) static_cast<void>(0)
#endif
