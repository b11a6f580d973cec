/// The program: parses the command line, prepares the process, runs one subcommand and turns every way it can fail
/// into one line on stderr and an exit code: 1 failed, 2 usage, 128 + N stopped by signal N.
#include <dlfcn.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <new>
#include <optional>

#include "command.hpp"
#include "sda/core/code.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "usage_message.hpp"

namespace {

using namespace sda::app;

/// argv as a shell would take it again.
std::string quoted_command_line(int argc, char** argv) {
  std::string line = "sda";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
      return std::isalnum(c) || std::string_view("-_./=:,+@%").find(static_cast<char>(c)) != std::string_view::npos;
    });
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += " " + (plain ? word : quoted + "'");
  }
  return line;
}

int fail(std::string message, int code) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  // Not fmt::print, which throws where stderr cannot be written.
  std::fputs(fmt::format("sda: error: {}\n", message).c_str(), stderr);
  return code;
}

void start_log(bool quiet) {
  auto log = spdlog::stderr_color_mt("sda");
  log->set_pattern("%^%l%$: %v");
  log->set_level(quiet ? spdlog::level::warn : spdlog::level::info);
  spdlog::set_default_logger(std::move(log));
}

/// What it registers at its start is known from then on; never unloaded.
void load_plugin(const std::string& file) {
  // A name without a folder would be looked for where the system's libraries are.
  const std::string path = file.find('/') == std::string::npos ? "./" + file : file;
  if (::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return;
  throw sda::UsageError({.what = "a plugin cannot be loaded", .where = "--plugin " + file, .found = ::dlerror()});
}

int run(int argc, char** argv) {
  Globals globals;
  globals.command_line = quoted_command_line(argc, argv);
  CLI::App program("Score-based data assimilation: posterior trajectories of a dynamical system from observations.",
                   "sda");
  program.fallthrough();
  program.require_subcommand(0, 1);
  program.set_version_flag("--version", "sda " + sda::version());
  program.footer(
      "Example:\n"
      "  sda simulate lorenz63.toml -o data && sda train --data data -o model.nc\n"
      "  sda observe --data data/test.nc --name lo -o lo.nc\n"
      "  sda assimilate --model model.nc --obs lo.nc -o posterior.nc");
  auto* seed = program.add_option("--seed", globals.seed, "of every random draw")->capture_default_str();
  program.add_option("--threads", globals.threads, "CPU threads; without it what the environment allows")
      ->check(CLI::Range(1, 4096).description("1 to 4096"));
  std::string time_limit;
  program
      .add_option("--time-limit", time_limit,
                  "save and stop by itself before so long, with exit code 75: [DAYS-]HOURS:MINUTES:SECONDS, or 90m")
      ->type_name("TIME");
  std::vector<std::string> assignments;
  program
      .add_option("--set", assignments,
                  "KEY=VALUE over the configuration, such as sampler.steps=64; any number of them")
      ->type_name(value::setting)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  std::vector<std::string> plugins;
  program
      .add_option("--plugin", plugins,
                  "shared library that registers operator links or noise of your own (sda/observation/operator.hpp, "
                  "noise.hpp); any number of them")
      ->type_name(value::file)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  bool allow_code = false;
  program.add_flag("--allow-code", allow_code,
                   "run TorchScript modules that files hold or name; they can do all that you can");
  program.add_flag("-q,--quiet", globals.quiet, "no log and no progress, only results and errors");

  std::vector<Subcommand> subcommands;
  for (const auto add : {simulate_command, train_command, observe_command, assimilate_command, join_command,
                         filter_command, evaluate_command, report_command, inspect_command, import_command,
                         keys_command, study_command, calibrate_command, manual_command, completion_command}) {
    subcommands.push_back(add(program, globals));
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return program.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    return fail(usage_message(program, error), 2);
  }
  globals.seed_given = seed->count() > 0;
  for (const auto& assignment : assignments) globals.overrides.push_back({.assignment = assignment});

  std::optional<sda::AllowCode> allowed;
  if (allow_code) allowed.emplace();
  start_log(globals.quiet);
  std::for_each(plugins.begin(), plugins.end(), load_plugin);
  const auto chosen = std::find_if(subcommands.begin(), subcommands.end(),
                                   [](const Subcommand& subcommand) { return subcommand.flags->parsed(); });
  const auto freed = chosen == subcommands.end() ? sda::FreedMemory::kept : chosen->freed;
  sda::configure_runtime(sda::choose_threads(globals.threads), freed);
  sda::StopToken::install();
  if (!time_limit.empty()) sda::StopToken::limit_time(sda::parse_duration(time_limit, "--time-limit"));
  // A limit on file sizes shall be an error of the write, as a full disk is, and not the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);

  if (chosen == subcommands.end()) {
    print(program.help());
  } else {
    chosen->run();
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return fail("cannot write to standard output", 1);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const sda::Error& error) {
    return fail(error.what(), error.exit_code());
  } catch (const std::bad_alloc&) {
    return fail("out of memory; try a smaller --memory or batch", 1);
  } catch (const std::exception& error) {
    // libtorch's messages carry a stack trace below their first line.
    const std::string message = error.what();
    return fail(message.substr(0, message.find('\n')), 1);
  }
}
