/// What `sda inspect` says of a file: kind, sizes, ranges and origin, on one screen.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "core/torch.hpp"
#include "data/files/fields.hpp"
#include "data/files/head.hpp"
#include "data/files/layout.hpp"
#include "sda/data/files/model.hpp"
#include "sda/data/files/stopped_assimilation.hpp"
#include "sda/data/files/stopped_filter.hpp"
#include "sda/observation/operator_toml.hpp"

namespace sda {

using namespace io;

namespace {

/// Lines "  name      text", names aligned.
class Description {
 public:
  explicit Description(const std::string& title) : text_(title + "\n") {}
  void line(const std::string& name, const std::string& value) { text_ += fmt::format("  {:<14}{}\n", name, value); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string range_of(const Tensor& values) {
  return fmt::format("{:.6g} … {:.6g}", values.min().item<double>(), values.max().item<double>());
}

/// "8, 9, 8.6", or a range where there are many.
std::string numbers(const Tensor& values) {
  const Tensor flat = values.to(at::kDouble).flatten().contiguous();
  if (flat.numel() > 8) return range_of(flat);
  const double* first = flat.data_ptr<double>();
  return fmt::format("{:.6g}", fmt::join(first, first + flat.numel(), ", "));
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// The text that a key of TOML has as we write it, one key a line; empty if it is not there.
std::string text_of(const std::string& toml, const std::string& key) {
  const std::string before = "\n" + key + " = \"";
  const auto at = ("\n" + toml).find(before);
  if (at == std::string::npos) return "";
  const std::string rest = toml.substr(at + before.size() - 1);
  return rest.substr(0, rest.find('"'));
}

void describe_layout(Description& description, const StateLayout& layout) {
  std::vector<std::string> names;
  for (const auto& variable : layout.variables) {
    names.push_back(fmt::format("{} [{}]", variable.name, variable.units));
  }
  description.line("state", fmt::format("{} values: {}", to_string(layout.event), fmt::join(names, ", ")));
  for (const auto& axis : axes_in_words(layout)) description.line("axis", axis);
  const std::string origin = layout.time_origin.empty() ? "" : " since " + layout.time_origin;
  description.line("time step", fmt::format("{} [{}{}]", layout.dt, layout.time_units, origin));
  if (layout.mask.defined()) {
    description.line("masked", fmt::format("{} of {} values", layout.mask.logical_not().sum().item<std::int64_t>(),
                                           layout.mask.numel()));
  }
}

void describe_states(Description& description, const StateLayout& layout, const Tensor& states, double start_time) {
  const std::int64_t length = states.size(1);
  description.line("length", fmt::format("{} states, times {:.6g} … {:.6g}", length, start_time,
                                         start_time + layout.dt * static_cast<double>(length - 1)));
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const auto& variable = layout.variables[i];
    const Tensor values = channel(states, layout, i);
    description.line(variable.name,
                     fmt::format("{}, mean {:.6g} ({})", range_of(values), values.mean(at::kDouble).item<double>(),
                                 variable.long_name.empty() ? "no description" : variable.long_name));
  }
  description.line("numbers", states.scalar_type() == at::kDouble ? "float64" : "float32");
}

void describe_normalisation(Description& description, const Normalisation& normalisation) {
  description.line("normalised by", fmt::format("mean {}; standard deviation {}", numbers(normalisation.mean),
                                                numbers(normalisation.std)));
}

void describe_dynamics(Description& description, const std::string& toml) {
  const auto system = text_of(toml, "system");
  if (!toml.empty()) description.line("dynamics", system.empty() ? first_line(toml) : system);
}

void describe_provenance(Description& description, const Provenance& provenance) {
  description.line("seed", fmt::format("{}", provenance.seed));
  description.line("command", provenance.command.empty() ? "not recorded" : provenance.command);
  description.line("written by", fmt::format("sda {} on {}", provenance.version, provenance.created));
  const auto lines = std::count(provenance.config.begin(), provenance.config.end(), '\n');
  description.line("configuration", provenance.config.empty()
                                        ? "none"
                                        : fmt::format("{} lines in attribute sda_config (ncdump -h)", lines));
}

void describe_network(Description& description, const ModelFile& model) {
  const Prior& prior = model.prior;
  const NetworkParameters& p = prior.network_parameters;
  const std::string reach = p.global ? fmt::format("global, trained on windows of {} states", p.window)
                                     : fmt::format("local, k = {} (windows of {} states)", p.order, p.window_length());
  std::int64_t parameters = 0;
  for (const auto& parameter : prior.network->parameters()) parameters += parameter.value.numel();
  description.line("network", fmt::format("{}, {}", name_of(p.kind), reach));
  const std::string size = size_in_words(p);
  description.line("size", fmt::format("{}{}{} parameters", size, size.empty() ? "" : "; ", parameters));
  if (prior.context.defined()) description.line("context", to_string(prior.context.sizes()));
  description.line("diffusion", fmt::format("{}, α {}, η {}", name_of(prior.schedule.variance),
                                            name_of(prior.schedule.alpha), prior.schedule.eta));
  if (!prior.dynamics.empty()) description.line("dynamics", prior.dynamics);
  if (!model.training) return;
  const TrainingState& training = *model.training;
  std::string losses = fmt::format("{} epochs, {} steps", training.epoch, training.step);
  if (!training.losses.empty()) losses += fmt::format("; loss {:.6g}", training.losses.back());
  if (!training.validation_losses.empty())
    losses += fmt::format(", validation {:.6g}", training.validation_losses.back());
  description.line("training", losses + (training.average.defined() ? "; with averaged weights" : ""));
}

std::string describe_observations(Description description, const ObservationFile& file) {
  const Observations& observations = file.observations;
  if (!observations.name.empty()) description.line("name", observations.name);
  for (const auto& part : observations.parts) {
    if (!part.name.empty()) description.line("part", part.name);
    description.line("operator", part.op->describe());
    if (part.op->reads_states_alone()) {
      description.line("", to_toml(part.chain));
      description.line("observed", fmt::format("{} of {} states, an observation of {} each", part.values.size(0),
                                               observations.length, to_string(part.observation())));
    } else {
      description.line("observed",
                       fmt::format("{} observations in {} states", part.values.numel(), observations.length));
    }
    description.line("values", range_of(part.values));
    description.line("noise σ", numbers(at::tensor(part.noise.values(), at::kDouble)));
    if (!part.noise.is_gaussian()) description.line("noise", part.noise.model().describe() + " σ");
  }
  std::istringstream summary(observations.qc_summary);
  for (std::string name = "observations", text; std::getline(summary, text); name.clear()) description.line(name, text);
  description.line("truth", observations.truth.defined() ? "in the file" : "not known");
  describe_layout(description, observations.layout);
  describe_normalisation(description, observations.normalisation);
  describe_dynamics(description, file.dynamics);
  describe_provenance(description, file.provenance);
  return description.text();
}

std::string describe_trajectories(Description description, const TrajectoryFile& file) {
  const Trajectories& trajectories = file.trajectories;
  description.line("trajectories", fmt::format("{}", trajectories.states.size(0)));
  describe_layout(description, trajectories.layout);
  describe_states(description, trajectories.layout, trajectories.states, trajectories.start_time);
  describe_normalisation(description, file.normalisation);
  describe_dynamics(description, file.dynamics);
  describe_provenance(description, file.provenance);
  return description.text();
}

std::string describe_ensemble(Description description, const EnsembleFile& file) {
  const Ensemble& ensemble = file.ensemble;
  description.line("method", ensemble.method);
  description.line("members", fmt::format("{}", ensemble.members.size(0)));
  description.line("cost", fmt::format("{:.4g} s, {} network passes", file.cost.seconds, file.cost.evaluations));
  describe_layout(description, ensemble.layout);
  describe_states(description, ensemble.layout, ensemble.members, ensemble.start_time);
  describe_provenance(description, file.provenance);
  return description.text();
}

std::string describe_model(Description description, const ModelFile& file) {
  describe_network(description, file);
  describe_layout(description, file.prior.layout);
  describe_normalisation(description, file.prior.normalisation);
  describe_provenance(description, file.provenance);
  return description.text();
}

std::string describe_stopped_assimilation(Description description, const StoppedAssimilation& file) {
  const AssimilationState& state = file.state;
  description.line("chunks", fmt::format("{} of {} done", state.chunk, state.chunks));
  if (state.sampler.x.defined()) {
    description.line("members", fmt::format("{} of the next after {} stages of the sampler", state.sampler.x.size(0),
                                            state.sampler.stages_done));
  }
  description.line("cost so far", fmt::format("{:.1f} s", state.seconds));
  describe_provenance(description, file.provenance);
  return description.text();
}

std::string describe_drawn_members(Description description, const Tensor& members) {
  description.line("members", fmt::format("{}, drawn, of an ensemble under way", members.size(0)));
  return description.text();
}

std::string describe_stopped_filter(Description description, const StoppedFilter& file) {
  description.line("particles",
                   fmt::format("{} after {} states", file.state.particles.size(0), file.state.states_done));
  description.line("cost so far", fmt::format("{:.1f} s", file.state.seconds));
  describe_provenance(description, file.provenance);
  return description.text();
}

}  // namespace

std::string describe_file(const std::string& path) {
  FileKind kind{};
  std::string state;
  {
    const NetcdfReader reader(path);
    kind = read_kind(reader.root());
    state = reader.sealed() ? "whole: its checksum holds" : "changed since sda wrote it: it has no checksum";
  }
  const Description description(fmt::format("{}: {} ({})", path, to_string(kind), state));
  switch (kind) {
    case FileKind::trajectories:
      return describe_trajectories(description, read_trajectories(path));
    case FileKind::observations:
      return describe_observations(description, read_observations(path));
    case FileKind::ensemble:
      return describe_ensemble(description, read_ensemble(path));
    case FileKind::model:
      return describe_model(description, read_model(path));
    case FileKind::stopped_assimilation:
      return describe_stopped_assimilation(description, read_stopped_assimilation(path));
    case FileKind::drawn_members:
      return describe_drawn_members(description, read_drawn_members(path));
    case FileKind::stopped_filter:
      return describe_stopped_filter(description, read_stopped_filter(path));
  }
  return description.text();
}

}  // namespace sda
