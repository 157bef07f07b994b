// The calling thread's name in `top -H`, `ps -L`, a debugger and bench/: up to 15 characters.
#pragma once

#include <pthread.h>

#include <string>

namespace walbridge::pipeline {

inline void name_thread(const std::string& name) { ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace walbridge::pipeline
