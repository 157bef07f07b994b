#include "cli/context.h"

#include <cstdio>
#include <iostream>

#include <unistd.h>

#include "config/load.h"
#include "pipeline/api/log.h"
#include "sink-libsql/open.h"

namespace walbridge::cli {
namespace {

log::Level log_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::Debug:
      return log::Level::Debug;
    case config::LogLevel::Info:
      return log::Level::Info;
    case config::LogLevel::Warn:
      return log::Level::Warn;
    case config::LogLevel::Error:
      return log::Level::Error;
  }
  return log::Level::Info;
}

}  // namespace

int exit_code(const Error& error) {
  if (error.verdict == Verdict::Gap) return kGap;
  return kSystemUnusable;
}

int fail(const Error& error) {
  std::cerr << "error: " << error.message;
  if (!error.code.empty()) std::cerr << " [" << error.code << "]";
  std::cerr << "\n";
  if (error.remedy.empty() && error.verdict == Verdict::Retry) {
    std::cerr << "  what to do: see that it runs and can be reached from here, then start again\n";
  }
  if (!error.remedy.empty()) std::cerr << "  what to do: " << error.remedy << "\n";
  return exit_code(error);
}

std::optional<config::Config> load_config(const std::string& path) {
  auto loaded = config::load_file(path, config::process_environment());
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&loaded)) {
    for (const auto& problem : *problems) std::cerr << config::describe(problem) << "\n";
    return std::nullopt;
  }
  auto config = std::get<config::Config>(std::move(loaded));
  if (!config.applies()) config.sinks.clear();
  log::configure(log_level(config.log.level),
                 config.log.format == config::LogFormat::Json ? log::Format::Json : log::Format::Text);
  return config;
}

Result<std::vector<std::unique_ptr<Sink>>> open_sinks(const config::Config& config) {
  std::vector<std::unique_ptr<Sink>> sinks;
  for (const auto& settings : config.sinks) {
    WALBRIDGE_TRY_AS(auto sink, sink_libsql::open_sink(settings, config.name));
    sinks.push_back(std::move(sink));
  }
  return sinks;
}

bool confirm(const std::string& question) {
  if (isatty(STDIN_FILENO) == 0) return false;
  std::cerr << question << " [y/N] ";
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace walbridge::cli
