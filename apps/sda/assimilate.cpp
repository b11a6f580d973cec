/// sda assimilate: posterior trajectories of an observation, by a trained prior and the sampler.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cmath>

#include "command.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/device.hpp"
#include "sda/prior/prior.hpp"
#include "sda/prior/scores.hpp"
#include "sda/sampling/sampler.hpp"

namespace sda::app {
namespace {

struct Options {
  std::string config, model, observations, output, memory, quality, device = "cpu";
  bool split_members = false;
};

/// Counts the passes through a score: forward and VJP one each.
class CountingScore final : public DifferentiableScore {
 public:
  explicit CountingScore(std::shared_ptr<const DifferentiableScore> score) : score_(std::move(score)) {}
  Tensor epsilon(const Tensor& x, double t) const override {
    ++passes_;
    return score_->epsilon(x, t);
  }
  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override {
    ++passes_;
    return std::make_unique<Counted>(score_->linearise(x, t), passes_);
  }
  std::int64_t passes() const { return passes_; }

 private:
  class Counted final : public Linearisation {
   public:
    Counted(std::unique_ptr<Linearisation> linearisation, std::int64_t& passes)
        : linearisation_(std::move(linearisation)), passes_(passes) {}
    const Tensor& epsilon() const override { return linearisation_->epsilon(); }
    Tensor vjp(const Tensor& v) const override {
      ++passes_;
      return linearisation_->vjp(v);
    }

   private:
    std::unique_ptr<Linearisation> linearisation_;
    std::int64_t& passes_;
  };

  std::shared_ptr<const DifferentiableScore> score_;
  mutable std::int64_t passes_ = 0;
};

bool nearly_equal(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && a.allclose(b, /*rtol=*/1e-6, /*atol=*/1e-9);
}

/// An operator reads states as the model sees them only if both mean the same by a normalised state.
void require_same_system(const Options& options, const Prior& prior, const Observations& observations) {
  require_same_states(options.model, prior.layout, observations.length, observations);
  if (!nearly_equal(prior.normalisation.mean, observations.normalisation.mean) ||
      !nearly_equal(prior.normalisation.std, observations.normalisation.std)) {
    throw FileError({.what = "its normalisation is not the one of the observations in " + options.observations,
                     .where = options.model,
                     .expected = "a model trained on the system that was observed"});
  }
  if (std::abs(prior.layout.dt - observations.layout.dt) > 1e-9 * observations.layout.dt) {
    throw FileError({.what = "its time step is not the one of the observations in " + options.observations,
                     .where = options.model,
                     .found = fmt::format("{}", prior.layout.dt),
                     .expected = fmt::format("{}", observations.layout.dt)});
  }
}

/// What the network may take where the user did not say: of a GPU's memory, which is not counted here, what any has.
std::int64_t memory_of(at::Device device, std::int64_t of_the_machine) {
  constexpr std::int64_t any_gpu = std::int64_t{4} << 30;
  return device.is_cpu() ? of_the_machine : any_gpu;
}

/// Members whose trajectories, with their copies in the sampler and their windows, fit in `memory`.
std::int64_t members_at_once(const Prior& prior, const Observations& observations, std::int64_t memory) {
  constexpr std::int64_t copies = 12;  // x, ε, z, x̂, gradients and their temporaries
  const std::int64_t windows = prior.network_parameters.global ? 1 : prior.network_parameters.window_length();
  const std::int64_t state = count(prior.layout.event) * static_cast<std::int64_t>(sizeof(float));
  return std::max<std::int64_t>(1, memory / (observations.length * state * (copies + 3 * windows)));
}

/// posterior.nc → posterior_0007.nc, beside it.
std::string member_path(const std::string& output, std::int64_t member) {
  const std::filesystem::path path(output);
  const auto name = fmt::format("{}_{:04}{}", path.stem().string(), member, path.extension().string());
  return (path.parent_path() / name).string();
}

std::string method_name(const GuidanceParameters& guidance) {
  if (guidance.rule == "none") return "prior";
  if (guidance.rule == "dps") return "DPS";
  if (guidance.rule == "pigdm") return "PiGDM";
  if (guidance.rule == "mmps") return "MMPS";
  return guidance.detach ? "SDA, detached" : "SDA";
}

std::shared_ptr<const DifferentiableScore> bounded_by(double bound, std::shared_ptr<const DifferentiableScore> score,
                                                      const NoiseSchedule& schedule) {
  return bound == 0 ? score : make_bounded_score(std::move(score), schedule, bound);
}

void assimilate(const Options& options, const Globals& globals) {
  const ModelFile model = read_model(options.model);
  const Observations observations = read_observations(options.observations).observations;
  const Prior& prior = model.prior;
  Experiment experiment = base_experiment(options.config, model.provenance, options.model);
  experiment.network = prior.network_parameters;
  experiment.schedule = prior.schedule;
  apply_quality(experiment, options.quality);
  apply_flags(experiment, globals,
              {"dynamics", "simulation", "data", "network", "schedule", "training", "observation"});
  require_same_system(options, prior, observations);
  const std::int64_t memory =
      options.memory.empty() ? default_memory_budget() : parse_bytes(options.memory, "--memory");

  const at::Device device = parse_device(options.device, "--device");

  const NoiseSchedule schedule(prior.schedule);
  const auto prior_score = std::make_shared<CountingScore>(make_prior_score(
      prior, options.memory.empty() ? memory_of(device, memory / 2) : memory / 2, experiment.assimilation.stride,
      parse_precision(experiment.assimilation.precision, "assimilation.precision"), device));
  const PosteriorScore score(bounded_by(experiment.assimilation.bound, prior_score, schedule), schedule, observations,
                             experiment.guidance);
  const Sampler sampler(schedule, experiment.sampler);
  require_writable(options.output);

  const std::int64_t members = experiment.assimilation.members;
  const std::int64_t at_once = std::min(members, members_at_once(prior, observations, memory / 2));
  const std::int64_t chunks = (members + at_once - 1) / at_once;
  tell_of_other_work(globals);
  spdlog::info("{} members of {} states, {} steps with {} corrections{}", members, observations.length,
               experiment.sampler.steps, experiment.sampler.corrections,
               chunks > 1 ? fmt::format(", {} members at a time", at_once) : "");

  const Stopwatch stopwatch;
  Tensor normalised;
  {
    ProgressBar bar = globals.progress("assimilate", "steps");
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const std::int64_t begin = members * chunk / chunks, end = members * (chunk + 1) / chunks;
      const Shape shape = prepend({end - begin, observations.length}, prior.layout.event);
      const Tensor part = sampler.sample(score, shape, globals.seed, static_cast<std::uint64_t>(begin),
                                         [&](std::int64_t done, std::int64_t total, const std::string& note) {
                                           bar.update(chunk * total + done, chunks * total, note);
                                         });
      if (!normalised.defined()) normalised = part.new_empty(prepend({members}, part.sizes().slice(1)));
      normalised.narrow(0, begin, end - begin).copy_(part);
    }
  }
  // Each chunk made the same passes: together they are those of the whole batch.
  const EnsembleCost cost{.seconds = stopwatch.seconds(), .evaluations = prior_score->passes() / chunks};

  const Ensemble ensemble{.layout = prior.layout,
                          .members = prior.normalisation.denormalise(normalised),
                          .start_time = observations.start_time,
                          .method = method_name(experiment.guidance)};
  write_ensemble(options.output, ensemble, cost, provenance_of(globals, experiment));
  for (std::int64_t member = 0; options.split_members && member < members; ++member) {
    write_member(member_path(options.output, member), ensemble, member, provenance_of(globals, experiment));
  }
  const double departure = observations.departure_over_sigma(normalised);
  if (experiment.guidance.rule != "none" && departure > 3) {
    spdlog::warn("these members do not explain the observation; more sampler.steps or a better prior would");
  }
  say(fmt::format(
      "assimilated {} into {} members by {}: {} network evaluations in {:.1f} s, departure {:.3f} sigma, in {}",
      observations.name, members, ensemble.method, cost.evaluations, cost.seconds, departure, options.output));
}

}  // namespace

Subcommand assimilate_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* flags = add_subcommand(program, "assimilate", "Sample the posterior of an observation with a trained prior",
                                   "sda assimilate --model run/model.nc --obs run/lo.nc -o run/lo_posterior.nc "
                                   "--members 256 --quality good");
  add_config(*flags, options->config, "the one the model was trained with is taken");
  flags->add_option("--model", options->model, "model file")->required()->type_name(value::file);
  flags->add_option("--obs", options->observations, "observation file")->required()->type_name(value::file);
  flags->add_option("-o,--output", options->output, "ensemble file")->required()->type_name(value::file);
  flags->add_flag("--split-members", options->split_members, "each member in a file of its own too: OUTPUT_0000.nc, …");
  flags
      ->add_option("--memory", options->memory,
                   "for the work, such as 2G; without it half of what is free, and of a GPU 4G")
      ->type_name("SIZE");
  add_device_flag(*flags, options->device);
  add_quality_flag(*flags, options->quality);
  add_key_flag(*flags, globals, "--members", "assimilation.members", "posterior members");
  add_key_flag(*flags, globals, "--steps", "sampler.steps", "predictor steps");
  add_key_flag(*flags, globals, "--corrections", "sampler.corrections", "Langevin corrections after each step");
  add_key_flag(*flags, globals, "--tau", "sampler.tau", "amplitude of a correction");
  add_key_flag(*flags, globals, "--rule", "guidance.rule", "how observations guide");
  add_key_flag(*flags, globals, "--gamma", "guidance.gamma", "variance of x given x(t) over (sigma/mu)^2");
  return {flags, [options, &globals] { assimilate(*options, globals); }};
}

}  // namespace sda::app
