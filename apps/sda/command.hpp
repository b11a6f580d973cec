/// What the subcommands share: the global flags, where a configuration comes from, where results may go, and what a
/// run says. No algorithm lives in this folder; each subcommand reads files, calls the library and writes a file.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/progress.hpp"
#include "sda/core/provenance.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/folders.hpp"
#include "sda/data/files/model.hpp"
#include "sda/data/formats/atomic_file.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/experiment/run.hpp"
#include "sda/workflow/telling.hpp"

namespace sda::app {

/// What an option takes, as help, manual and completions show it; besides CLI11's INT, FLOAT and TEXT.
namespace value {
inline constexpr const char* file = "FILE";
inline constexpr const char* folder = "FOLDER";
inline constexpr const char* setting = "KEY=VALUE";
}  // namespace value

/// Flags that every subcommand takes.
struct Globals {
  std::uint64_t seed = 0;
  bool seed_given = false;
  int threads = 0;  ///< 0: choose_threads
  std::vector<Override> overrides;
  bool quiet = false;
  std::string command_line;

  /// --seed, if it was given.
  std::optional<std::uint64_t> chosen_seed() const { return seed_given ? std::optional(seed) : std::nullopt; }
  ProgressBar progress(const std::string& label, const std::string& unit) const;
};
/// A bar, and the log, tell of a long call.
Telling telling_by(ProgressBar& bar);

/// Its flags, and the work to do once all flags are known to be good.
struct Subcommand {
  CLI::App* flags;
  std::function<void()> run;
  FreedMemory freed = FreedMemory::kept;
};

Subcommand simulate_command(CLI::App& program, Globals& globals);
Subcommand train_command(CLI::App& program, Globals& globals);
Subcommand observe_command(CLI::App& program, Globals& globals);
Subcommand assimilate_command(CLI::App& program, Globals& globals);
Subcommand filter_command(CLI::App& program, Globals& globals);
Subcommand evaluate_command(CLI::App& program, Globals& globals);
Subcommand report_command(CLI::App& program, Globals& globals);
Subcommand inspect_command(CLI::App& program, Globals& globals);
Subcommand import_command(CLI::App& program, Globals& globals);
Subcommand keys_command(CLI::App& program, Globals& globals);
Subcommand manual_command(CLI::App& program, Globals& globals);
Subcommand completion_command(CLI::App& program, Globals& globals);
Subcommand study_command(CLI::App& program, Globals& globals);
Subcommand calibrate_command(CLI::App& program, Globals& globals);
Subcommand join_command(CLI::App& program, Globals& globals);

/// A subcommand with its one-line description and an example below its help.
CLI::App* add_subcommand(CLI::App& program, const std::string& name, const std::string& description,
                         const std::string& example);
/// The optional positional CONFIG; `otherwise` says what is taken without it.
void add_config(CLI::App& flags, std::string& config, const std::string& otherwise);
/// A flag of its own for one key, "--members INT" for assimilation.members.
void add_key_flag(CLI::App& flags, Globals& globals, const std::string& flag, const std::string& key,
                  const std::string& help);
/// --device: where the network is evaluated.
void add_device_flag(CLI::App& flags, std::string& device);
/// --memory and --device of an assimilation.
void add_machine_flags(CLI::App& flags, std::string& memory, std::string& device);
/// --quality: guidance and sampler in one word.
void add_quality_flag(CLI::App& flags, std::optional<Quality>& quality, const std::string& help);
inline constexpr const char* quality_help =
    "guidance and sampler advised, in 64, 256 or 512 steps, or the paper's, whatever the configuration says; single "
    "settings beside it beat it";

/// Of --resume, in every command that goes on.
inline constexpr const char* resume_help = "go on from what a run that was stopped has saved";

/// Says so if others use the cores that this process is about to fill: its threads then wait for each other.
void tell_of_other_work(const Globals& globals);
/// What --memory and --device say. Throws UsageError.
void set_machine(AssimilationParameters& parameters, const std::string& memory, const std::string& device);
/// --set and key flags over `experiment`; `fixed` as in apply_overrides.
void apply_flags(Experiment& experiment, const Globals& globals, const std::vector<std::string>& fixed);
Provenance provenance_of(const Globals& globals, const Experiment& experiment);

/// Prints a result on stdout; whether it could be written is checked once, at the end.
void print(const std::string& text);
/// The same of one line, which `line` does not end.
void say(const std::string& line);

}  // namespace sda::app
