#include "command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <thread>

#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/experiment/keys.hpp"
#include "sda/prior/device.hpp"

namespace sda::app {

namespace fs = std::filesystem;

ProgressBar Globals::progress(const std::string& label, const std::string& unit) const {
  return ProgressBar(label, unit, quiet ? ProgressStyle::none : ProgressBar::style_of_stderr());
}

Telling telling_by(ProgressBar& bar) {
  return {.progress = [&bar](std::int64_t done, std::int64_t total,
                             const std::string& note) { bar.update(done, total, note); },
          .info = [](const std::string& line) { spdlog::info(line); },
          .warning = [](const std::string& line) { spdlog::warn(line); }};
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

void add_quality_flag(CLI::App& flags, std::optional<Quality>& quality, const std::string& help) {
  flags
      .add_option_function<std::string>(
          "--quality", [&quality](const std::string& name) { quality = choice_of<Quality>(name); }, help)
      ->check(CLI::IsMember(names_of<Quality>()));
}

void add_machine_flags(CLI::App& flags, std::string& memory, std::string& device) {
  flags.add_option("--memory", memory, "for the work, such as 2G; without it half of what is free, and of a GPU 4G")
      ->type_name("SIZE");
  add_device_flag(flags, device);
}

void set_machine(AssimilationParameters& parameters, const std::string& memory, const std::string& device) {
  parameters.memory = memory.empty() ? 0 : parse_bytes(memory, "--memory");
  parameters.device = parse_device(device, "--device");
}

void tell_of_other_work(const Globals& globals) {
  const int threads = choose_threads(globals.threads), others = threads > 1 ? others_running() : 0;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  if (threads < 2 || others + threads <= cores) return;
  spdlog::info("others use these cores ({} threads beside {} of ours on {} cores), which makes this slow", others,
               threads, cores);
}

void apply_flags(Experiment& experiment, const Globals& globals, const std::vector<std::string>& fixed) {
  apply_overrides(experiment, globals.overrides, fixed);
}

Provenance provenance_of(const Globals& globals, const Experiment& experiment) {
  return make_provenance(globals.command_line, to_toml(experiment), globals.seed);
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

void say(const std::string& line) {
  print(line + "\n");
}

}  // namespace sda::app
