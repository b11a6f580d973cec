/// sda assimilate: posterior trajectories of an observation, by a trained prior and the sampler.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "command.hpp"
#include "models.hpp"
#include "ranks.hpp"
#include "sda/guidance/likelihood_rule.hpp"
#include "sda/workflow/assimilate.hpp"

namespace sda::app {
namespace {

struct AssimilateOptions {
  std::string config, model, observations, output, memory, device = "cpu";
  std::optional<Quality> quality;
  std::int64_t first_member = 0, state_ranks = 1;
  bool split_members = false, resume = false, keep_diverged = false;
};

/// The configuration with what the user set over it. What the model was made with is not to be changed.
Experiment experiment_of(const AssimilateOptions& options, const Globals& globals, const ModelFile& model) {
  Experiment experiment = posterior_experiment(options.config, model, options.model, options.quality);
  apply_flags(experiment, globals,
              {"dynamics", "simulation", "data", "network", "schedule", "training", "observation"});
  set_machine(experiment.assimilation, options.memory, options.device);
  experiment.assimilation.first_member = options.first_member;
  return experiment;
}

/// A rule without a variance of its own is stiffer than churn stands where γ is small (docs/results/guidance.md).
void warn_of_churn(const GuidanceParameters& guidance, const SamplerParameters& sampler) {
  const LikelihoodRuleKind* rule = likelihood_rule_kind(guidance.rule);
  if (rule == nullptr || rule->own_variance || sampler.churn == 0) return;
  spdlog::warn("the rule {} with churn can diverge; --quality paper sets what goes with it", guidance.rule);
}

void assimilate(const AssimilateOptions& options, Globals& globals) {
  const ModelFile model = read_model(options.model);
  const ObservationFile observed = read_observations(options.observations);
  const Observations& observations = observed.observations;
  const Experiment experiment = experiment_of(options, globals, model);
  require_one_system(model.prior, observations, options.model, options.observations);
  require_one_ring(dynamics_of(model, options.model), options.model, observed.dynamics, options.observations);
  const AssimilationFiles files{.model = options.model,
                                .observations = options.observations,
                                .ensemble = options.output,
                                .split_members = options.split_members,
                                .resume = options.resume,
                                .keep_diverged = options.keep_diverged};
  const auto stopped = stopped_assimilation(files, experiment, globals.chosen_seed());
  if (stopped) globals.seed = stopped->provenance.seed;

  tell_of_other_work(globals);
  const RankGrid ranks = globals.ranks->grid(options.state_ranks);
  const auto plan = plan_assimilation(model.prior, observations, experiment.assimilation, ranks);
  spdlog::info("{} members of {} states, {} steps with {} corrections{}", experiment.assimilation.members,
               observations.length, experiment.sampler.steps, experiment.sampler.corrections,
               plan.chunks > 1 ? fmt::format(", {} members at a time", plan.members_at_once) : "");
  warn_of_churn(experiment.guidance, experiment.sampler);
  const AssimilationReport result = [&] {
    ProgressBar bar = globals.progress("assimilate", "steps");
    return assimilate_to_file(model.prior, observations, experiment, files, stopped, provenance_of(globals, experiment),
                              telling_by(bar), ranks);
  }();

  say(fmt::format(
      "assimilated {} into {} members by {}: {} network evaluations in {:.1f} s, departure {:.3f} sigma, in {}",
      observations.name, experiment.assimilation.members, result.method, result.cost.evaluations, result.cost.seconds,
      result.departure_over_sigma, options.output));
}

}  // namespace

Subcommand assimilate_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<AssimilateOptions>();
  CLI::App* flags = add_subcommand(program, "assimilate", "Sample the posterior of an observation with a trained prior",
                                   "sda assimilate --model run/model.nc --obs run/lo.nc -o run/lo_posterior.nc "
                                   "--members 256 --quality best");
  add_config(*flags, options->config, "the one the model was trained with is taken");
  add_model_flag(*flags, options->model, "model file, or the name of an installed model")->required();
  flags->add_option("--obs", options->observations, "observation file")->required()->type_name(value::file);
  flags->add_option("-o,--output", options->output, "ensemble file")->required()->type_name(value::file);
  flags
      ->add_option("--members-from", options->first_member,
                   "number of the first member, for parts of one ensemble that `sda join` puts together")
      ->check(CLI::NonNegativeNumber.description("≥ 0"))
      ->capture_default_str();
  flags->add_flag("--split-members", options->split_members, "each member in a file of its own too: OUTPUT_0000.nc, …");
  flags->add_flag("--resume", options->resume, resume_help);
  flags->add_flag("--keep-diverged", options->keep_diverged,
                  "write members that do not explain the observations, or leave the range of the data, too");
  add_machine_flags(*flags, options->memory, options->device);
  add_quality_flag(*flags, options->quality, quality_help);
  add_key_flag(*flags, globals, "--members", "assimilation.members", "posterior members");
  add_key_flag(*flags, globals, "--steps", "sampler.steps", "predictor steps");
  add_key_flag(*flags, globals, "--corrections", "sampler.corrections", "Langevin corrections after each step");
  add_key_flag(*flags, globals, "--tau", "sampler.tau", "amplitude of a correction");
  add_key_flag(*flags, globals, "--rule", "guidance.rule", "how observations guide");
  add_key_flag(*flags, globals, "--gamma", "guidance.gamma", "variance of x given x(t) over (sigma/mu)^2");
  flags
      ->add_option("--state-ranks", options->state_ranks,
                   "under mpirun: ranks that share the states of each trajectory; the others share the members")
      ->capture_default_str();
  return {flags, [options, &globals] { assimilate(*options, globals); }, FreedMemory::kept, /*shares_work=*/true};
}

}  // namespace sda::app
