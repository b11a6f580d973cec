/// One experiment as TOML. Sections and keys are named once, in `sections` (sda/experiment/experiment.hpp) and in the
/// `fields` of each parameter struct; here are the visitors that read, write and explain them.
#include "sda/experiment/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "data/formats/sealed_file.hpp"
#include "experiment/former_names.hpp"
#include "experiment/toml_fields.hpp"
#include "sda/core/error.hpp"
#include "sda/experiment/keys.hpp"

namespace sda {
namespace {

using io::TomlOrigin;

class SectionReader {
 public:
  SectionReader(const toml::table& table, const TomlOrigin& origin) : table_(table), origin_(origin) {}

  template <class Parameters>
  void operator()(const char* name, Parameters& parameters, const char* /*help*/) {
    known_.emplace_back(name);
    if (const toml::table* section = table_at(table_, name, name)) {
      io::read_fields(*section, parameters, origin_, name);
    }
  }

  /// [observation.NAME], any number of them.
  void operator()(const char* name, std::map<std::string, ObservationParameters>& observations, const char* /*help*/) {
    known_.emplace_back(name);
    const toml::table* all = table_at(table_, name, name);
    if (all == nullptr) return;
    for (const auto& [key, node] : *all) {
      const auto section = std::string(name) + "." + std::string(key.str());
      const toml::table* one = table_at(*all, std::string(key.str()), section);
      io::read_fields(*one, observations[std::string(key.str())], origin_, section);
    }
  }

  void finish() const {
    for (const auto& [key, node] : table_) {
      const std::string name(key.str());
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      const auto nearest = nearest_name(name, known_);
      origin_.refuse({.what = node.is_table() ? "unknown section" : "unknown key outside any section",
                      .where = origin_.where(name, key.source().begin.line),
                      .expected = nearest.empty() ? fmt::format("one of [{}]", fmt::join(known_, "], [")) : "",
                      .hint = nearest.empty() ? "" : "did you mean [" + nearest + "]?"});
    }
  }

 private:
  /// The section `name` of `table`, null if there is none.
  const toml::table* table_at(const toml::table& table, const std::string& name, const std::string& full_name) const {
    const toml::node* node = table.get(name);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) {
      origin_.refuse({.what = "not a section",
                      .where = origin_.where(full_name, node->source().begin.line),
                      .expected = fmt::format("[{}] and its keys below it", full_name)});
    }
    return node->as_table();
  }

  const toml::table& table_;
  const TomlOrigin& origin_;
  std::vector<std::string> known_;
};

class SectionDescriber {
 public:
  /// Sections `left_out` are left out where they say nothing but defaults.
  explicit SectionDescriber(std::vector<std::string> left_out = {}) : left_out_(std::move(left_out)) {}

  template <class Parameters>
  void operator()(const std::string& name, const Parameters& parameters, const char* help) {
    const bool has_no_part = std::find(left_out_.begin(), left_out_.end(), name) != left_out_.end();
    if (has_no_part && io::write_fields(parameters) == io::write_fields(Parameters{})) return;
    for (auto& section : io::describe_fields(parameters, name, help)) sections_.push_back(std::move(section));
  }
  void operator()(const std::string& name, const std::map<std::string, ObservationParameters>& all, const char* help) {
    for (const auto& [key, parameters] : all) (*this)(name + "." + io::quoted_if_needed(key), parameters, help);
  }

  const std::vector<SectionDescription>& sections() const { return sections_; }

 private:
  std::vector<std::string> left_out_;
  std::vector<SectionDescription> sections_;
};

std::vector<SectionDescription> described(Experiment experiment, std::vector<std::string> left_out = {}) {
  SectionDescriber describer(std::move(left_out));
  sections(describer, experiment);
  return describer.sections();
}

std::string sections_to_toml(const std::vector<SectionDescription>& all, bool with_help) {
  std::string text;
  for (const auto& section : all) {
    if (!text.empty()) text += '\n';
    text += with_help ? fmt::format("[{}]  # {}\n", section.name, section.help) : fmt::format("[{}]\n", section.name);
    text += io::to_toml(section.keys, with_help);
  }
  return text;
}

void read_sections(toml::table given, Experiment& experiment, const TomlOrigin& origin) {
  toml::table table = io::with_present_names(std::move(given));
  if (toml::table* dynamics = table["dynamics"].as_table(); dynamics != nullptr && origin.is_our_output)
    io::keep_former_ring(*dynamics);
  SectionReader reader(table, origin);
  sections(reader, experiment);
  reader.finish();
}

TomlOrigin override_origin(const Override& given) {
  return {.name = given.flag.empty() ? "--set " + given.assignment : given.flag, .has_lines = false};
}

/// "sampler.steps=64" → a table. The value is TOML, or a bare word (a path, a pattern) that stands for a text.
toml::table parse_override(const std::string& text, const TomlOrigin& origin) {
  const auto equals = text.find('=');
  const auto trimmed = [](std::string part) {
    part.erase(0, part.find_first_not_of(" \t"));
    part.erase(part.find_last_not_of(" \t") + 1);
    return part;
  };
  const auto key = trimmed(text.substr(0, equals));
  const auto value = equals == std::string::npos ? "" : trimmed(text.substr(equals + 1));
  if (key.find('.') == std::string::npos || value.empty() || text.find('\n') != std::string::npos) {
    origin.refuse({.what = "not an override", .where = origin.name, .expected = "section.key=value"});
  }
  const bool is_word = std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string_view("_-/.*?~+@%:").find(static_cast<char>(c)) != std::string_view::npos;
  });
  try {
    return toml::parse(key + " = " + value);
  } catch (const toml::parse_error&) {
    return io::parse_toml(key + " = " + (is_word ? "\"" + value + "\"" : value), origin);
  }
}

/// Refuses what the form of a noise cannot be, in the name of its key.
void check_noise(const std::vector<double>& sigma, const NoiseShape& shape, const std::string& section,
                 const TomlOrigin& origin) {
  try {
    const Noise noise(sigma, shape);
  } catch (const ValueError& error) {
    Fault fault = error.fault();
    fault.where = origin.where(section + "." + fault.where);
    origin.refuse(fault);
  }
}

/// An operator of its own or parts with theirs; `names` are those of all observations.
void check(const std::string& name, const ObservationParameters& observation, std::vector<std::string> names,
           const TomlOrigin& origin) {
  const auto section = "observation." + name;
  for (const auto& [part, parameters] : observation.part) {
    const auto where = origin.where(section + ".part." + part);
    if (parameters.op.empty()) {
      origin.refuse({.what = "a part without operator", .where = where, .expected = "operator = [{coarsen = 8}], say"});
    }
    if (parameters.sigma.empty()) {
      origin.refuse({.what = "a part without noise", .where = where, .expected = "sigma = 0.1, say"});
    }
  }
  if (observation.op.empty() && observation.part.empty()) {
    names.erase(std::find(names.begin(), names.end(), name));
    const auto nearest = nearest_name(name, names);
    origin.refuse({.what = "an observation without operator",
                   .where = origin.where(section),
                   .expected = "operator = [{every = 8}, {select = [0]}], say",
                   .hint = nearest.empty() ? "" : "did you mean observation." + nearest + "?"});
  }
  if (!observation.op.empty() && !observation.part.empty()) {
    origin.refuse({.what = "an observation with an operator and with parts",
                   .where = origin.where(section),
                   .expected = fmt::format("one of them: the operator can be one more [{}.part.NAME]", section)});
  }
  if (!observation.part.empty() && observation.sigma != ObservationParameters{}.sigma) {
    origin.refuse({.what = "a noise beside parts, each of which has its own",
                   .where = origin.where(section + ".sigma"),
                   .expected = fmt::format("sigma in [{}.part.NAME] only", section)});
  }
}

/// The forms of all noises: of several keys each, so that they can be looked at only once all are set.
void check_noises(const Experiment& experiment, const TomlOrigin& origin) {
  for (const auto& [name, observation] : experiment.observation) {
    const auto section = "observation." + name;
    for (const auto& [part, parameters] : observation.part) {
      check_noise(parameters.sigma, parameters.noise, section + ".part." + part, origin);
    }
    if (!observation.part.empty() && observation.noise != NoiseShape{}) {
      origin.refuse({.what = "an observation in parts has no noise of its own",
                     .where = origin.where(section + ".noise"),
                     .hint = fmt::format("say it for each part, in [{}.part.NAME]", section)});
    }
    check_noise(observation.sigma, observation.noise, section, origin);
  }
  check_noise({1.0}, experiment.observation_file.noise, "observation_file", origin);
}

/// What no single key can say.
void check(const Experiment& experiment, const TomlOrigin& origin) {
  const auto require_shares = [&](const std::string& section, double train, double valid) {
    if (train + valid <= 1 + 1e-9) return;
    origin.refuse({.what = fmt::format("{0}.train and {0}.valid are shares of one whole", section),
                   .where = origin.where(""),
                   .found = fmt::format("{} + {}", train, valid),
                   .expected = "a sum ≤ 1"});
  };
  require_shares("simulation", experiment.simulation.train, experiment.simulation.valid);
  require_shares("data", experiment.data.train, experiment.data.valid);
  std::vector<std::string> names;
  for (const auto& [name, observation] : experiment.observation) names.push_back(name);
  for (const auto& [name, observation] : experiment.observation) check(name, observation, names, origin);
}

Experiment read_all(const std::string& toml, const TomlOrigin& origin, Experiment experiment = {}) {
  read_sections(io::parse_toml(toml, origin), experiment, origin);
  check(experiment, origin);
  check_noises(experiment, origin);
  return experiment;
}

}  // namespace

std::vector<ObservationPart> ObservationParameters::parts() const {
  if (part.empty()) return {{.name = "", .chain = op, .noise = Noise(sigma, noise)}};
  std::vector<ObservationPart> several;
  for (const auto& [name, parameters] : part) {
    several.push_back({.name = name, .chain = parameters.op, .noise = Noise(parameters.sigma, parameters.noise)});
  }
  return several;
}

Experiment read_experiment(const std::string& path) {
  if (path.empty()) return {};
  const std::string text = io::read_text_file(path, {.what = "cannot read the configuration",
                                                     .expected = "a TOML file",
                                                     .hint = "`sda keys` prints one to start from"});
  return read_all(text, {.name = path});
}

Experiment read_recorded_experiment(const std::string& toml, const std::string& where, Experiment otherwise) {
  return read_all(toml, {.name = where + ": recorded configuration", .is_our_output = true}, std::move(otherwise));
}

void apply(Quality quality, Experiment& experiment) {
  PosteriorParameters parameters = experiment.posterior();
  apply(quality, parameters);
  experiment.guidance = std::move(parameters.guidance);
  experiment.sampler = parameters.sampler;
  experiment.assimilation = parameters.assimilation;
}

void apply_overrides(Experiment& experiment, const std::vector<Override>& overrides) {
  for (const auto& given : overrides) {
    // Each is read by itself, so that its faults are told as its own.
    const TomlOrigin origin = override_origin(given);
    read_sections(parse_override(given.assignment, origin), experiment, origin);
    check(experiment, origin);
  }
  const auto last = std::find_if(overrides.rbegin(), overrides.rend(), [](const Override& given) {
    return given.assignment.starts_with("observation.") || given.assignment.starts_with("observation_file.");
  });
  if (last != overrides.rend()) check_noises(experiment, override_origin(*last));
}

std::string to_toml(const Experiment& experiment) {
  using Names = std::vector<std::string>;
  const bool imported = !experiment.data.files.empty();
  return sections_to_toml(
      described(experiment, imported ? Names{"observation_file", "dynamics", "simulation", "filter", "baseline"}
                                     : Names{"observation_file", "data"}),
      /*with_help=*/false);
}

std::string to_toml(const DynamicsParameters& dynamics) {
  return io::write_fields(dynamics);
}

DynamicsParameters read_dynamics(const std::string& toml, const std::string& where) {
  const TomlOrigin origin{.name = where + ": recorded dynamics", .is_our_output = true};
  DynamicsParameters dynamics;
  toml::table table = io::parse_toml(toml, origin);
  io::keep_former_ring(table);
  io::read_fields(table, dynamics, origin, "");
  return dynamics;
}

std::vector<SectionDescription> describe_sections() {
  Experiment example;
  example.observation["NAME"].op = {{"every", {8}}, {"select", {0}}};
  example.observation["NAME"].part["PART"] = {.op = {{"coarsen", {8}}}, .sigma = {0.1}};
  return described(std::move(example));
}

std::string describe_keys(Quality quality) {
  Experiment example;
  apply(quality, example);
  example.observation["NAME"].op = {{"every", {8}}, {"select", {0}}};
  example.observation["SEVERAL"].part["PART"] = {.op = {{"coarsen", {8}}}, .sigma = {0.1}};
  std::string kinds = "\n# Links of an operator:\n";
  for (const auto& [kind, help] : operator_kinds()) kinds += fmt::format("#   {:<14} {}\n", kind, help);
  kinds += "\n# Systems of dynamics:\n";
  for (const auto& system : dynamics_systems()) kinds += fmt::format("#   {:<14} {}\n", system.name, system.help);
  kinds += "\n# Classical methods (sda baseline):\n";
  for (const auto& method : baseline_methods()) kinds += fmt::format("#   {:<14} {}\n", method.name, method.help);
  return sections_to_toml(described(std::move(example)), /*with_help=*/true) + kinds;
}

}  // namespace sda
