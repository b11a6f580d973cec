/// What the subcommands share: the global flags, where a configuration comes from, where results may go, and what a
/// run says. No algorithm lives in this folder; each subcommand reads files, calls the library and writes a file.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sda/core/progress.hpp"
#include "sda/core/provenance.hpp"
#include "sda/data/files.hpp"
#include "sda/experiment/experiment.hpp"

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

  ProgressBar progress(const std::string& label, const std::string& unit) const;
};

/// Its flags, and the work to do once all flags are known to be good.
struct Subcommand {
  CLI::App* flags;
  std::function<void()> run;
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
/// --quality: the guidance and sampler advised, in few or many steps.
void add_quality_flag(CLI::App& flags, std::string& quality);

/// CONFIG if given, else what `provenance` (of the input file `where`) recorded, else the defaults.
Experiment base_experiment(const std::string& config, const Provenance& provenance, const std::string& where);
/// Says so if others use the cores that this process is about to fill: its threads then wait for each other, busily
/// unless OpenMP was told otherwise.
void tell_of_other_work(const Globals& globals);
/// The settings of --quality over `experiment`, none if it is empty; before `apply_flags`, which beats them.
void apply_quality(Experiment& experiment, const std::string& quality);
/// --set and key flags over `experiment`. Keys of `fixed` sections come from input files: to set them would change
/// nothing but the record, so it is refused.
void apply_flags(Experiment& experiment, const Globals& globals, const std::vector<std::string>& fixed);
Provenance provenance_of(const Globals& globals, const Experiment& experiment);
/// A prior of states such as the data's, with the first weights of the experiment's network.
Prior prior_of(const Experiment& experiment, const TrajectoryFile& data, std::uint64_t seed);

/// The [observation.NAME] asked for by --name; the only one there is if no name was given.
std::pair<std::string, ObservationParameters> chosen_observation(const Experiment& experiment, const std::string& name);

/// Refuses to go on from what `path` holds with another recipe, both as TOML, or another seed than it was begun with.
void require_same_run(const std::string& path, const std::string& recipe, const std::string& recipe_of_path,
                      std::uint64_t seed_of_path, const Globals& globals);

/// Refuses an output that cannot be written, before hours of work and not after.
void require_writable(const std::string& path);
/// Refuses a file whose states are not those `observations` observe.
void require_same_states(const std::string& path, const StateLayout& layout, std::int64_t length,
                         const Observations& observations);

/// A part of the trajectories that are written to one file.
struct Part {
  std::string name;  ///< "train"
  std::int64_t begin, count;
};
/// Train, validation and test parts of `total` trajectories; without those whose share is 0. Throws UsageError, naming
/// `key`, where none is left for one.
std::vector<Part> split(std::int64_t total, double train_share, double valid_share, const std::string& key);

/// The file of a part, "train.nc", or the i-th of several, "train_0003.nc".
std::string part_file(const std::string& part);
std::string part_file(const std::string& part, std::int64_t i);
/// The files of a part in `folder`, in their order: train.nc, or train_0000.nc, train_0001.nc … Throws FileError where
/// there are both; that there is none shows when it is opened.
std::vector<std::string> files_of_part(const std::string& folder, const std::string& part);
/// Throws FileError where `folder` has files of an earlier run that would be taken for the part's beside those written
/// now: train_0000.nc …, or train.nc where the part is written as `several`.
void require_no_others(const std::string& folder, const std::string& part, bool several);

/// A folder for several results. Unless `keep` is called, the files named by `file` go again, and the folder with all
/// that is in it if this run made it.
class OutputFolder {
 public:
  explicit OutputFolder(const std::string& path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  std::string file(const std::string& name);
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  bool made_ = false, kept_ = false;
  std::vector<std::filesystem::path> files_;
};

/// Prints a result on stdout; whether it could be written is checked once, at the end.
void print(const std::string& text);
/// The same of one line, which `line` does not end.
void say(const std::string& line);

/// Seconds since it was made.
class Stopwatch {
 public:
  double seconds() const;

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace sda::app
