/// Where the configuration of a run comes from, and what an earlier run left of it.
#include "sda/experiment/run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/code.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

/// Whether 0.1 recorded it.
bool is_former(const Provenance& provenance) {
  return provenance.version.starts_with("0.1.");
}

/// The sampler of 0.1's defaults, whatever its steps: one that uses what 0.1 had besides was chosen.
bool is_of_the_paper(const Experiment& experiment) {
  const auto& [guidance, sampler, assimilation] = experiment.posterior();
  return guidance.rule == posterior_parameters(Quality::paper).guidance.rule &&
         sampler.corrector == Corrector::langevin && sampler.churn == 0;
}

}  // namespace

Experiment base_experiment(const std::string& config, const Provenance& provenance, const std::string& where) {
  if (!config.empty()) return read_experiment(config);
  if (provenance.config.empty()) return {};
  Experiment otherwise;
  if (is_former(provenance)) apply(Quality::paper, otherwise);
  return read_recorded_experiment(provenance.config, where, std::move(otherwise));
}

void require_no_code(const NetworkParameters& network, const std::string& where) {
  if (network.kind == NetworkKind::torchscript) require_code_allowed(where, network.script);
}

void require_no_code(const ObservationParameters& observation, const std::string& where) {
  for (const auto& part : observation.parts()) require_no_code(part.chain, where);
}

Experiment posterior_experiment(const std::string& config, const ModelFile& model, const std::string& where,
                                std::optional<Quality> quality) {
  Experiment experiment = base_experiment(config, model.provenance, where);
  experiment.network = model.prior.network_parameters;
  experiment.schedule = model.prior.schedule;
  if (config.empty() && is_former(model.provenance) && is_of_the_paper(experiment)) apply(Quality::good, experiment);
  if (quality) apply(*quality, experiment);
  return experiment;
}

void apply_overrides(Experiment& experiment, const std::vector<Override>& overrides,
                     const std::vector<std::string>& fixed) {
  for (const auto& [assignment, flag] : overrides) {
    const auto section = assignment.substr(0, assignment.find_first_of(".= "));
    if (std::find(fixed.begin(), fixed.end(), section) == fixed.end()) continue;
    throw UsageError({.what = "[" + section + "] cannot be changed here",
                      .where = flag.empty() ? "--set " + assignment : flag,
                      .hint = "it is what the input files were made with"});
  }
  apply_overrides(experiment, overrides);
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

namespace {

/// Fields that the network sees beside the state: those the data came with, else those of the dynamics, if they are
/// known and the network has a place for them.
Tensor context_of(const Experiment& experiment, const TrajectoryFile& data) {
  const auto& network = experiment.network;
  const bool takes_fields = takes_context(network);
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

void require_same_run(const std::string& path, const std::string& recipe, const std::string& recipe_of_path,
                      std::uint64_t seed_of_path, std::optional<std::uint64_t> seed_given) {
  const std::string hint = "give what it was started with, or start again without --resume";
  if (recipe != recipe_of_path) {
    const auto [found, expected] = first_difference(recipe, recipe_of_path);
    throw UsageError({.what = "the checkpoint is of another recipe",
                      .where = path,
                      .found = found,
                      .expected = expected,
                      .hint = hint});
  }
  if (seed_given.has_value() && *seed_given != seed_of_path) {
    throw UsageError({.what = "the checkpoint is of another seed",
                      .where = path,
                      .found = fmt::format("--seed {}", *seed_given),
                      .expected = fmt::format("{}", seed_of_path),
                      .hint = hint});
  }
}

namespace {

/// Whether sites are counted against the published order; nothing of another system, or of none.
std::optional<bool> is_mirrored(const std::string& dynamics, const std::string& path) {
  if (dynamics.empty()) return std::nullopt;
  const DynamicsParameters p = read_dynamics(dynamics, path);
  return p.system == "lorenz96" ? std::optional(p.lorenz96.mirrored) : std::nullopt;
}

constexpr const char* mirror_hint =
    "until 0.2 sda counted the sites of Lorenz 1996 against the published order: reverse the sites of the "
    "observations, "
    "or simulate and train again";

}  // namespace

std::string dynamics_of(const ModelFile& model, const std::string& path) {
  if (model.prior.dynamics.empty() || model.provenance.config.empty()) return "";
  return to_toml(read_recorded_experiment(model.provenance.config, path).dynamics);
}

std::string remark_on_ring(const std::string& dynamics, const std::string& path) {
  return is_mirrored(dynamics, path) == true ? path + " is of the mirrored Lorenz 1996; " + mirror_hint : "";
}

void require_one_ring(const std::string& dynamics, const std::string& model, const std::string& observed,
                      const std::string& observations) {
  const auto ours = is_mirrored(dynamics, model), theirs = is_mirrored(observed, observations);
  if (!ours || !theirs || *ours == *theirs) return;
  const auto name = [](bool mirrored) { return mirrored ? "the mirrored Lorenz 1996" : "the published Lorenz 1996"; };
  throw FileError({.what = "the model is not of the system that was observed",
                   .where = model,
                   .found = name(*ours),
                   .expected = fmt::format("{}, as in {}", name(*theirs), observations),
                   .hint = mirror_hint});
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

}  // namespace sda
