/// sda calibrate: whether posteriors are calibrated, over many trajectories whose truth is known. Each is simulated,
/// observed and assimilated; its truth's ranks among the members are flat, and members cannot be told from the
/// filter's, if the posterior is right.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "sda/baselines/kalman.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/evaluation/calibration.hpp"
#include "sda/prior/prior.hpp"
#include "sda/prior/scores.hpp"
#include "study.hpp"

namespace sda::app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t bins = 10, bootstrap_draws = 2000;

struct CalibrateOptions {
  std::string config, model, exact, name, output, quality;
  std::int64_t trajectories = 64, members = 64;
  double believed_noise = 1;
  bool filter = true;
};

/// What draws the posterior and what its truth is drawn from.
class Method {
 public:
  virtual ~Method() = default;
  virtual const Dynamics& dynamics() const = 0;
  virtual Normalisation normalisation() const = 0;
  /// Transitions before the first state.
  virtual std::int64_t spin_up() const = 0;
  /// Members (member, length, …event) normalised, of observations that believe in some noise.
  virtual Tensor posterior(const Observations& believed, std::int64_t members, std::uint64_t seed) const = 0;
  /// Members of the true posterior; undefined where there is none.
  virtual Tensor reference(const Observations& observed, std::int64_t members, std::uint64_t seed) const = 0;
};

/// A trained prior on the system that it was trained on, beside the particle filter.
class Trained final : public Method {
 public:
  Trained(const ModelFile& model, const Experiment& experiment, bool filter)
      : prior_(model.prior), experiment_(experiment), dynamics_(make_dynamics(experiment.dynamics)), filter_(filter) {
    const auto& assimilation = experiment_.assimilation;
    score_ = make_prior_score(prior_, default_memory_budget() / 2, assimilation.stride,
                              parse_precision(assimilation.precision, "assimilation.precision"));
    if (assimilation.bound > 0) score_ = make_bounded_score(score_, NoiseSchedule(prior_.schedule), assimilation.bound);
    if (dynamics_->layout().event != prior_.layout.event) {
      throw UsageError({.what = "the model is of another system than the dynamics",
                        .where = "--model",
                        .found = "states of " + to_string(prior_.layout.event),
                        .expected = to_string(dynamics_->layout().event)});
    }
    filter_ = filter && dynamics_->is_stochastic();
  }

  const Dynamics& dynamics() const override { return *dynamics_; }
  Normalisation normalisation() const override { return prior_.normalisation; }
  std::int64_t spin_up() const override { return experiment_.simulation.spin_up; }
  Tensor posterior(const Observations& believed, std::int64_t members, std::uint64_t seed) const override {
    const NoiseSchedule schedule(prior_.schedule);
    const PosteriorScore score(score_, schedule, believed, experiment_.guidance);
    const Shape shape = prepend({members, believed.length}, prior_.layout.event);
    return Sampler(schedule, experiment_.sampler).sample(score, shape, seed);
  }
  Tensor reference(const Observations& observed, std::int64_t members, std::uint64_t seed) const override {
    if (!filter_) return {};
    auto parameters = experiment_.filter;
    parameters.members = members;
    const FilterResult result = particle_filter(*dynamics_, observed, parameters, seed);
    return prior_.normalisation.normalise(result.ensemble.members);
  }

 private:
  Prior prior_;
  Experiment experiment_;
  std::unique_ptr<Dynamics> dynamics_;
  bool filter_;
  std::shared_ptr<const DifferentiableScore> score_;
};

/// A linear-Gaussian chain in its stationary distribution with exact scores, beside the Kalman smoother; `order` is k,
/// full, or smoother: its own draws.
class Exact final : public Method {
 public:
  Exact(const Experiment& experiment, const std::string& order)
      : experiment_(experiment), chain_(settled(*linear_chain(experiment.dynamics))), order_(order) {
    if (order_ != "smoother") parse_order(order_, "--exact");
  }

  const Dynamics& dynamics() const override { return chain_; }
  Normalisation normalisation() const override { return chain_.normalisation(); }
  std::int64_t spin_up() const override { return 0; }
  Tensor posterior(const Observations& believed, std::int64_t members, std::uint64_t seed) const override {
    if (order_ == "smoother") return smoothed(believed, members, seed);
    const NoiseSchedule schedule(experiment_.schedule);
    const auto prior =
        exact_score(stationary_process(chain_), schedule, believed.length, parse_order(order_, "--exact"));
    const PosteriorScore score(prior, schedule, believed, experiment_.guidance);
    const Shape shape{members, believed.length, believed.layout.event.front()};
    return Sampler(schedule, experiment_.sampler).sample(score, shape, seed, 0, {}, at::kDouble);
  }
  Tensor reference(const Observations& observed, std::int64_t members, std::uint64_t seed) const override {
    return smoothed(observed, members, ~seed);
  }

 private:
  Tensor smoothed(const Observations& observed, std::int64_t members, std::uint64_t seed) const {
    const auto posterior = kalman_smoother(chain_, observed).smoothed;
    return chain_.normalisation().normalise(sample_posterior(posterior, chain_.layout(), members, seed).members);
  }

  Experiment experiment_;
  LinearGaussianChain chain_;
  std::string order_;
};

/// The trajectory's truth, read with the noise of the configuration.
Observations observed_truth(const Method& method, const std::string& name, const ObservationParameters& parameters,
                            std::uint64_t seed, std::int64_t trajectory) {
  const Dynamics& dynamics = method.dynamics();
  const auto member = static_cast<std::uint64_t>(trajectory), spin_up = static_cast<std::uint64_t>(method.spin_up());
  Tensor start = dynamics.start(1, {seed, Purpose::initial_state, member});
  dynamics.advance(start, method.spin_up(), {seed, Purpose::transition_noise, member});
  const Tensor truth =
      dynamics.trajectories(start, parameters.length, {seed, Purpose::transition_noise, member, spin_up});
  return observe(truth.squeeze(0), dynamics.layout(), method.normalisation(), parameters.parts(), name, seed, member);
}

/// The same observations with every σ multiplied: what the posterior is made to believe.
Observations believing(Observations observed, double factor) {
  for (auto& part : observed.parts) part.noise = part.noise.scaled(factor);
  return observed;
}

/// Members kept for the classifier, each a file of the ordinary kind.
class Kept {
 public:
  Kept(const CalibrateOptions& options, const Method& method, Provenance provenance)
      : folder_(fs::path(options.output) / "members"), method_(method), provenance_(std::move(provenance)) {
    fs::create_directories(folder_);
  }
  void write(const std::string& kind, std::int64_t trajectory, const Tensor& normalised) const {
    const Ensemble ensemble{.layout = method_.dynamics().layout(),
                            .members = method_.normalisation().denormalise(normalised),
                            .start_time = 0,
                            .method = kind};
    write_ensemble(path(kind, trajectory), ensemble, {}, provenance_);
  }
  Tensor read(const std::string& kind, std::int64_t trajectory) const {
    return method_.normalisation().normalise(read_ensemble(path(kind, trajectory)).ensemble.members);
  }
  bool has(const std::string& kind, std::int64_t trajectory) const { return fs::exists(path(kind, trajectory)); }

 private:
  std::string path(const std::string& kind, std::int64_t trajectory) const {
    return (folder_ / fmt::format("{:04}_{}.nc", trajectory, kind)).string();
  }

  fs::path folder_;
  const Method& method_;
  Provenance provenance_;
};

struct Verdict {
  Estimate coverage50, coverage90, auc;
  double spread_over_error = 0;
  RankUniformity ranks;
  bool classified = false;
};

std::string text_of(const Verdict& v) {
  const auto line = [](const std::string& what, const Estimate& found, const std::string& expected) {
    return TableRow{
        what, fmt::format("{:.3f} ± {:.3f}", found.value, found.standard_error), expected,
        fmt::format("{:+.1f}", (found.value - std::stod(expected)) / std::max(found.standard_error, 1e-12))};
  };
  std::vector<TableRow> rows{{"", "found", "calibrated", "standard errors off"},
                             line("truth in the central 50 %", v.coverage50, "0.5"),
                             line("truth in the central 90 %", v.coverage90, "0.9"),
                             {"spread over error", fmt::format("{:.3f}", v.spread_over_error), "1", ""}};
  if (v.classified) rows.push_back(line("area under the classifier's curve", v.auc, "0.5"));
  std::string text = aligned(rows, 1);
  return text + fmt::format("\nrank histogram: p = {:.3f} of its largest deviation from flat, {} bins\n",
                            v.ranks.p_value, bins);
}

std::vector<PlotPanel> panels_of(const Verdict& v) {
  PlotPanel histogram{.title = "rank of the truth",
                      .x_axis = "quantile of the members",
                      .y_axis = "share of values over the flat one",
                      .curves = {}};
  PlotCurve share{.name = "found", .x = {}, .y = {}}, flat{.name = "flat, 95 of 100 times within", .x = {}, .y = {}};
  flat.reference = true;
  PlotPanel cumulated{
      .title = "truths below a quantile", .x_axis = "quantile of the members", .y_axis = "share", .curves = {}};
  PlotCurve below{.name = "found", .x = {0}, .y = {0}}, diagonal{.name = "calibrated", .x = {0, 1}, .y = {0, 1}};
  diagonal.reference = true;
  for (std::size_t b = 0; b < v.ranks.share.size(); ++b) {
    const auto n = static_cast<double>(v.ranks.share.size());
    share.x.push_back((static_cast<double>(b) + 0.5) / n);
    share.y.push_back(n * v.ranks.share[b]);
    flat.x.push_back(share.x.back());
    flat.y.push_back(1);
    const double half = n * v.ranks.band * v.ranks.standard_error[b];
    flat.low.push_back(std::max(0.0, 1 - half));
    flat.high.push_back(1 + half);
    below.x.push_back(static_cast<double>(b + 1) / n);
    below.y.push_back(below.y.back() + v.ranks.share[b]);
  }
  histogram.curves = {flat, share};
  cumulated.curves = {diagonal, below};
  return {histogram, cumulated};
}

/// Sections that posteriors hang on.
std::string recipe(const CalibrateOptions& options, const Experiment& experiment, const std::string& name) {
  return fmt::format("model = \"{}\"\nexact = \"{}\"\nmembers = {}\nbelieved_noise = {}\n", options.model,
                     options.exact, options.members, options.believed_noise) +
         sections_toml(experiment, {"dynamics", "simulation", "schedule", "observation." + name, "guidance", "sampler",
                                    "assimilation", "filter"});
}

void calibrate(const CalibrateOptions& options, const Globals& globals) {
  Experiment experiment;
  std::unique_ptr<Method> method;
  if (options.model.empty()) {
    StudyFlags flags;
    flags.config = options.config;
    experiment = study_experiment(flags, globals, /*advised=*/true);
    method = std::make_unique<Exact>(experiment, options.exact);
  } else {
    const ModelFile model = read_model(options.model);
    experiment = base_experiment(options.config, model.provenance, options.model);
    experiment.network = model.prior.network_parameters;
    experiment.schedule = model.prior.schedule;
    apply_quality(experiment, options.quality);
    apply_flags(experiment, globals, {"data", "training", "network", "schedule"});
    if (!experiment.data.files.empty()) {
      throw UsageError({.what = "truths are drawn from the system's simulator, and these states were imported",
                        .where = options.model});
    }
    method = std::make_unique<Trained>(model, experiment, options.filter);
  }
  const auto chosen = chosen_observation(experiment, options.name);
  const std::string& name = chosen.first;
  const ObservationParameters& parameters = chosen.second;
  fs::create_directories(options.output);
  TableRow numbers{"coverage_50", "coverage_90", "rmse", "spread"};
  for (std::int64_t b = 1; b <= bins; ++b) numbers.push_back(fmt::format("ranks_{}", b));
  StudyFlags flags;
  flags.output = (fs::path(options.output) / "calibration").string();
  StudyTable table(flags, globals, "trajectories", {"trajectory"}, numbers, recipe(options, experiment, name));
  table.expect(options.trajectories);
  tell_of_other_work(globals);
  const Kept kept(options, *method, provenance_of(globals, experiment));

  std::vector<double> coverage50, coverage90;
  std::vector<std::vector<double>> shares;
  double squared_error = 0, variance = 0;
  std::vector<Tensor> ours, references;
  for (std::int64_t i = 0; i < options.trajectories; ++i) {
    const auto row = table.row({fmt::format("{}", i)}, [&]() -> std::vector<double> {
      const Observations y = observed_truth(*method, name, parameters, globals.seed, i);
      const auto seed = 1000003 * globals.seed + static_cast<std::uint64_t>(i) + 1;  // of its own
      const Tensor posterior = method->posterior(believing(y, options.believed_noise), options.members, seed);
      if (options.filter) {
        const Tensor reference = method->reference(y, options.members, seed);
        if (reference.defined()) kept.write("reference", i, reference);
      }
      kept.write("posterior", i, posterior);
      const Tensor truth = method->normalisation().normalise(y.truth.to(at::kDouble));
      const auto ranks = rank_histogram(posterior, truth, seed);
      std::vector<double> found{coverage(ranks, 0.5), coverage(ranks, 0.9), rmse(posterior, truth), spread(posterior)};
      for (const double share : rank_shares(ranks, bins)) found.push_back(share);
      return found;
    });
    coverage50.push_back(row[0]), coverage90.push_back(row[1]);
    squared_error += row[2] * row[2], variance += row[3] * row[3];
    shares.emplace_back(row.begin() + 4, row.end());
    if (options.filter && kept.has("posterior", i) && kept.has("reference", i)) {
      ours.push_back(kept.read("posterior", i));
      references.push_back(kept.read("reference", i));
    }
  }

  Verdict verdict{
      .coverage50 = estimate(coverage50),
      .coverage90 = estimate(coverage90),
      .auc = {},
      .spread_over_error = std::sqrt(variance * (1 + 1 / static_cast<double>(options.members)) / squared_error),
      .ranks = rank_uniformity(shares, bootstrap_draws, globals.seed)};
  if (std::ssize(ours) >= 10) {
    verdict.auc = classifier_test(ours, references);
    verdict.classified = true;
  }
  print(text_of(verdict) + "\n");
  table.finish(fmt::format("Calibration of {} on {}", options.model.empty() ? "exact scores" : options.model, name),
               panels_of(verdict),
               fmt::format("{} trajectories of {} members. Bands and errors are over trajectories, for values of one "
                           "trajectory depend on each other.",
                           options.trajectories, options.members));
}

}  // namespace

Subcommand calibrate_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App* flags = add_subcommand(
      program, "calibrate", "Find out over many trajectories whether posteriors are calibrated",
      "sda calibrate --model run/model.nc --name lo --quality good -o run/calibration --trajectories 64\n"
      "  sda calibrate --exact 4 -o run/calibration_of_the_chain");
  add_config(*flags, options->config,
             "the one the model was trained with is taken; with --exact a rotation with noise");
  auto* model =
      flags->add_option("--model", options->model, "model file: its system is simulated")->type_name(value::file);
  auto* exact = flags
                    ->add_option("--exact", options->exact,
                                 "no model, but a linear-Gaussian chain: exact scores of windows of 2K+1 states, or "
                                 "full: of whole trajectories, or smoother: draws of the posterior itself")
                    ->type_name("K");
  model->excludes(exact);
  add_quality_flag(*flags, options->quality);
  flags->get_option("--quality")->needs(model);
  flags->add_option("--name", options->name, "which [observation.NAME]; may be left out if there is one only")
      ->type_name("NAME");
  flags->add_option("-o,--output", options->output, "folder; made if missing. What is there is not made again")
      ->required()
      ->type_name(value::folder);
  flags->add_option("--trajectories", options->trajectories, "trajectories, each simulated, observed and assimilated")
      ->check(CLI::Range(2, 1000000).description("2 to 1000000"))
      ->capture_default_str();
  flags->add_option("--members", options->members, "posterior members of each")
      ->check(CLI::Range(2, 1000000).description("2 to 1000000"))
      ->capture_default_str();
  flags
      ->add_option("--believed-noise", options->believed_noise,
                   "the posterior believes in so many times the noise that was drawn: what a wrong noise would show")
      ->check(CLI::PositiveNumber.description("> 0"))
      ->capture_default_str();
  flags->add_flag("!--no-filter", options->filter, "without the filter and the classifier that compares with it");
  return {flags, [options, &globals] {
            if (options->model.empty() && options->exact.empty()) {
              throw UsageError(
                  {.what = "whose posteriors?", .where = "sda calibrate", .expected = "--model FILE, or --exact K"});
            }
            calibrate(*options, globals);
          }};
}

}  // namespace sda::app
