#include "command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <thread>
#include <tuple>

#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/experiment/keys.hpp"

namespace sda::app {

namespace fs = std::filesystem;

ProgressBar Globals::progress(const std::string& label, const std::string& unit) const {
  return ProgressBar(label, unit, quiet ? ProgressStyle::none : ProgressBar::style_of_stderr());
}

CLI::App* add_subcommand(CLI::App& program, const std::string& name, const std::string& description,
                         const std::string& example) {
  CLI::App* flags = program.add_subcommand(name, description);
  flags->footer("Also: --seed, --threads, --set KEY=VALUE and --quiet; see `sda --help`\n\nExample:\n  " + example);
  return flags;
}

void add_config(CLI::App& flags, std::string& config, const std::string& otherwise) {
  flags.add_option("CONFIG", config, "experiment as TOML (see `sda keys`); without it " + otherwise)
      ->type_name(value::file);
}

namespace {

/// What a key takes, in CLI11's words: "INT", "{sda,mmps}".
std::string type_of_key(const std::string& key) {
  static const auto sections = describe_sections();
  for (const auto& section : sections) {
    for (const auto& [name, type, preset, limits, choices, help] : section.keys) {
      if (section.name + "." + name != key) continue;
      if (!choices.empty()) return fmt::format("{{{}}}", fmt::join(choices, ","));
      return type == "integer" ? "INT" : type.find("number") != std::string::npos ? "FLOAT" : "TEXT";
    }
  }
  throw ValueError({.what = "no such key", .where = key});
}

}  // namespace

void add_key_flag(CLI::App& flags, Globals& globals, const std::string& flag, const std::string& key,
                  const std::string& help) {
  flags
      .add_option_function<std::string>(
          flag,
          [&globals, flag, key](const std::string& text) {
            globals.overrides.push_back({.assignment = key + "=" + text, .flag = flag + " " + text});
          },
          help + " (" + key + ")")
      ->type_name(type_of_key(key));
}

void add_device_flag(CLI::App& flags, std::string& device) {
  flags
      .add_option("--device", device,
                  "where the network is evaluated: cpu, cuda or cuda:N (of a CUDA libtorch; in float32)")
      ->type_name("DEVICE");
}

namespace {

/// Steps of each quality, in the order of its names; a step is one forward pass and one VJP.
struct Quality {
  const char *name, *steps;
};
constexpr std::array qualities{Quality{"quick", "64"}, Quality{"good", "256"}, Quality{"best", "512"}};

}  // namespace

void add_quality_flag(CLI::App& flags, std::string& quality) {
  std::vector<std::string> names;
  for (const auto& known : qualities) names.emplace_back(known.name);
  flags
      .add_option("--quality", quality,
                  "the guidance and sampler advised, in 64, 256 or 512 steps, whatever the configuration says; single "
                  "settings beside it beat it. Without it the configuration's: the paper's, if it does not say")
      ->check(CLI::IsMember(names));
}

void apply_quality(Experiment& experiment, const std::string& quality) {
  if (quality.empty()) return;
  const auto found =
      std::find_if(qualities.begin(), qualities.end(), [&](const Quality& known) { return quality == known.name; });
  // What docs/results/guidance.md advises: MMPS with the noise renewed in every step, steps denser near t = 0.
  std::vector<Override> settings;
  for (const auto& assignment :
       {std::string("guidance.rule=mmps"), std::string("guidance.gamma=1e-3"), std::string("sampler.grid=power"),
        std::string("sampler.exponent=2.5"), std::string("sampler.renewal=1"), std::string("sampler.corrections=0"),
        std::string("assimilation.bound=5"), std::string("sampler.steps=") + found->steps})
    settings.push_back({.assignment = assignment, .flag = "--quality " + quality});
  apply_overrides(experiment, settings);
}

void tell_of_other_work(const Globals& globals) {
  const int threads = choose_threads(globals.threads), others = threads > 1 ? others_running() : 0;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  if (threads < 2 || others + threads <= cores) return;
  const bool waits_asleep = std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr;
  spdlog::info("others use these cores ({} threads beside {} of ours on {} cores), which makes this slow{}", others,
               threads, cores, waits_asleep ? "" : "; OMP_WAIT_POLICY=passive in the environment makes it less so");
}

Experiment base_experiment(const std::string& config, const Provenance& provenance, const std::string& where) {
  if (!config.empty()) return read_experiment(config);
  if (!provenance.config.empty()) return read_recorded_experiment(provenance.config, where);
  return {};
}

void apply_flags(Experiment& experiment, const Globals& globals, const std::vector<std::string>& fixed) {
  for (const auto& [assignment, flag] : globals.overrides) {
    const auto section = assignment.substr(0, assignment.find_first_of(".= "));
    if (std::find(fixed.begin(), fixed.end(), section) == fixed.end()) continue;
    throw UsageError({.what = "[" + section + "] cannot be changed here",
                      .where = flag.empty() ? "--set " + assignment : flag,
                      .hint = "it is what the input files were made with"});
  }
  apply_overrides(experiment, globals.overrides);
}

namespace {

/// Fields that the network sees beside the state: those the data came with, else those of the dynamics, if they are
/// known and the network has a place for them.
Tensor context_of(const Experiment& experiment, const TrajectoryFile& data) {
  const auto& network = experiment.network;
  const bool takes_fields = network.kind == "torchscript" || (network.kind == "unet" && !network.global);
  if (data.context.defined() && !takes_fields) {
    throw UsageError({.what = "the data have context fields, which only a local U-Net or a TorchScript module takes",
                      .where = "network",
                      .hint = "set network.kind = \"unet\", or import without data.context"});
  }
  if (data.context.defined()) return data.context;
  return !data.dynamics.empty() && takes_fields ? make_dynamics(experiment.dynamics)->context() : Tensor();
}

}  // namespace

Prior prior_of(const Experiment& experiment, const TrajectoryFile& data, std::uint64_t seed) {
  const StateLayout& layout = data.trajectories.layout;
  const Tensor context = context_of(experiment, data);
  Prior prior{.network_parameters = experiment.network,
              .schedule = experiment.schedule,
              .layout = layout,
              .normalisation = data.normalisation,
              .context = context,
              .network = make_network(experiment.network, layout.event, seed, context),
              .dynamics = data.dynamics.empty() ? "" : experiment.dynamics.system};
  if (const std::string script = prior.network->script(); !script.empty()) {
    prior.network_parameters.script_bytes = std::make_shared<const std::string>(script);
  }
  return prior;
}

Provenance provenance_of(const Globals& globals, const Experiment& experiment) {
  return make_provenance(globals.command_line, to_toml(experiment), globals.seed);
}

namespace {

/// The first lines of the two that differ: "steps = 8" and "steps = 16".
std::pair<std::string, std::string> first_difference(const std::string& found, const std::string& expected) {
  std::istringstream a(found), b(expected);
  for (std::string x, y; std::getline(a, x) && std::getline(b, y);) {
    if (x != y) return {x, y};
  }
  return {};
}

}  // namespace

void require_same_run(const std::string& path, const std::string& recipe, const std::string& recipe_of_path,
                      std::uint64_t seed_of_path, const Globals& globals) {
  const std::string hint = "give what it was started with, or start again without --resume";
  if (recipe != recipe_of_path) {
    const auto [found, expected] = first_difference(recipe, recipe_of_path);
    throw UsageError({.what = "the checkpoint is of another recipe",
                      .where = path,
                      .found = found,
                      .expected = expected,
                      .hint = hint});
  }
  if (globals.seed_given && globals.seed != seed_of_path) {
    throw UsageError({.what = "the checkpoint is of another seed",
                      .where = path,
                      .found = fmt::format("--seed {}", globals.seed),
                      .expected = fmt::format("{}", seed_of_path),
                      .hint = hint});
  }
}

std::pair<std::string, ObservationParameters> chosen_observation(const Experiment& experiment,
                                                                 const std::string& name) {
  const auto& known = experiment.observation;
  if (name.empty() && known.size() == 1) return *known.begin();
  if (const auto found = known.find(name); found != known.end()) return *found;
  std::vector<std::string> names;
  for (const auto& [key, parameters] : known) names.push_back(key);
  const auto nearest = nearest_name(name, names);
  throw UsageError({.what = name.empty() ? "which observation?" : "no such observation",
                    .where = "--name",
                    .found = name,
                    .expected = names.empty() ? "a section [observation.NAME] in the configuration"
                                              : fmt::format("one of {}", fmt::join(names, ", ")),
                    .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
}

void require_writable(const std::string& path) {
  const auto refuse = [&](const std::string& what, int error) {
    throw FileError({.what = what, .where = path, .found = std::strerror(error)});
  };
  if (fs::is_directory(path)) refuse("cannot write the output", EISDIR);
  const auto probe = fmt::format("{}.{}.probe", path, getpid());
  const int file = open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) refuse("cannot write the output", errno);
  close(file);
  unlink(probe.c_str());
}

void require_same_states(const std::string& path, const StateLayout& layout, std::int64_t length,
                         const Observations& observations) {
  if (layout.event != observations.layout.event) {
    throw FileError({.what = "its states are not of the size that was observed",
                     .where = path,
                     .found = to_string(layout.event),
                     .expected = to_string(observations.layout.event)});
  }
  if (length != observations.length) {
    throw FileError({.what = "its trajectories are not as long as the one observed",
                     .where = path,
                     .found = fmt::format("{} states", length),
                     .expected = fmt::format("{}", observations.length)});
  }
}

std::vector<Part> split(std::int64_t total, double train_share, double valid_share, const std::string& key) {
  const auto up_to = [&](double share) {
    return static_cast<std::int64_t>(std::floor(share * static_cast<double>(total) + 1e-9));
  };
  const std::int64_t train = up_to(train_share), valid = up_to(train_share + valid_share);
  const bool tests = train_share + valid_share < 1 - 1e-9;
  std::vector<Part> parts;
  for (const auto& [name, begin, end, expected] :
       {std::tuple{"train", std::int64_t{0}, train, train_share > 0},
        std::tuple{"valid", train, valid, valid_share > 0}, std::tuple{"test", valid, total, tests}}) {
    if (!expected) continue;
    if (begin == end) {
      const auto section = key.substr(0, key.find('.'));
      throw UsageError({.what = fmt::format("no trajectory is left for {}.nc", name),
                        .where = key,
                        .found = fmt::format("{} trajectories", total),
                        .expected = fmt::format("enough for the shares {0}.train and {0}.valid, such as 10", section),
                        .hint = key.starts_with("data.") ? "give more, or let data.length cut them into shorter ones"
                                                         : "raise simulation.trajectories"});
    }
    parts.push_back({name, begin, end - begin});
  }
  return parts;
}

std::string part_file(const std::string& part) {
  return part + ".nc";
}

std::string part_file(const std::string& part, std::int64_t i) {
  return fmt::format("{}_{:04}.nc", part, i);
}

std::vector<std::string> files_of_part(const std::string& folder, const std::string& part) {
  const fs::path whole = fs::path(folder) / part_file(part);
  std::vector<std::string> files;
  for (std::int64_t i = 0; fs::exists(fs::path(folder) / part_file(part, i)); ++i)
    files.push_back((fs::path(folder) / part_file(part, i)).string());
  if (files.empty()) return {whole.string()};
  if (!fs::exists(whole)) return files;
  throw FileError({.what = fmt::format("both {} and {}", part_file(part), part_file(part, 0)),
                   .where = folder,
                   .expected = "the files of one import",
                   .hint = "remove those of the other"});
}

void require_no_others(const std::string& folder, const std::string& part, bool several) {
  std::vector<std::string> others{part_file(part, 0)};
  if (several) others.push_back(part_file(part));
  for (const auto& other : others) {
    if (!fs::exists(fs::path(folder) / other)) continue;
    throw FileError({.what = "the folder has files of an earlier run",
                     .where = folder,
                     .found = other,
                     .hint = "remove them, or choose another folder"});
  }
}

OutputFolder::OutputFolder(const std::string& path) : path_(path) {
  std::error_code error;
  made_ = fs::create_directories(path_, error);
  if (error || !fs::is_directory(path_)) {
    kept_ = true;  // nothing of ours to take away
    throw FileError({.what = "cannot make the output folder",
                     .where = path,
                     .found = error ? error.message() : "a file of that name"});
  }
}

OutputFolder::~OutputFolder() {
  if (kept_) return;
  std::error_code ignored;
  for (const auto& file : files_) fs::remove(file, ignored);
  if (made_) fs::remove_all(path_, ignored);
}

std::string OutputFolder::file(const std::string& name) {
  return files_.emplace_back(path_ / name).string();
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

void say(const std::string& line) {
  print(line + "\n");
}

double Stopwatch::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace sda::app
