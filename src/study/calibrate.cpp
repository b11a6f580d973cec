/// Ranks, coverage and a classifier over trajectories whose truth is known.
#include "sda/study/calibrate.hpp"

#include <cmath>
#include <filesystem>

#include "core/torch.hpp"
#include "sda/baselines/kalman.hpp"
#include "sda/core/error.hpp"
#include "sda/evaluation/metrics.hpp"
#include "sda/experiment/saved_drawing.hpp"
#include "sda/study/exact_chain.hpp"

namespace sda {
namespace {

constexpr std::int64_t bootstrap_draws = 2000;
constexpr std::int64_t fewest_to_classify = 10;

/// What is saved of the same draws; nothing where it is of others.
std::optional<AssimilationState> saved_state(const PosteriorSaving& saving) {
  if (!std::filesystem::exists(saving.checkpoint)) return std::nullopt;
  StoppedAssimilation stopped = read_stopped_assimilation(saving.checkpoint);
  if (stopped.recipe != saving.recipe || stopped.provenance.seed != saving.provenance.seed) return std::nullopt;
  return std::move(stopped.state);
}

Tensor posterior_saved(const Prior& prior, const Observations& observations, const PosteriorParameters& parameters,
                       std::uint64_t seed, PosteriorSaving saving) {
  saving.provenance.seed = seed;  // which names the trajectory too
  SavedDrawing drawing(saving.checkpoint, saving.recipe, saving.provenance);
  drawing.draw(prior, observations, parameters, saved_state(saving));
  std::vector<Tensor> members;
  drawing.each([&](std::int64_t, const Tensor& some) { members.push_back(some); });
  drawing.remove();
  return at::cat(members);
}

class TrainedSubject final : public CalibrationSubject {
 public:
  TrainedSubject(Prior prior, std::unique_ptr<Dynamics> dynamics, std::int64_t spin_up, PosteriorParameters parameters,
                 ParticleFilterParameters filter)
      : prior_(std::move(prior)),
        dynamics_(std::move(dynamics)),
        spin_up_(spin_up),
        parameters_(std::move(parameters)),
        filter_(filter) {
    if (dynamics_->layout().event == prior_.layout.event) return;
    throw UsageError({.what = "the model is of another system than the dynamics",
                      .where = "--model",
                      .found = "states of " + to_string(prior_.layout.event),
                      .expected = to_string(dynamics_->layout().event)});
  }

  const Dynamics& dynamics() const override { return *dynamics_; }
  Normalisation normalisation() const override { return prior_.normalisation; }
  std::int64_t spin_up() const override { return spin_up_; }
  Tensor posterior(const Observations& believed, std::int64_t members, std::uint64_t seed,
                   const PosteriorSaving& saving) const override {
    PosteriorParameters parameters = parameters_;
    parameters.assimilation.members = members;
    if (saving.checkpoint.empty()) return assimilate(prior_, believed, parameters, seed).normalised;
    return posterior_saved(prior_, believed, parameters, seed, saving);
  }
  Tensor reference(const Observations& observed, std::int64_t members, std::uint64_t seed) const override {
    if (!dynamics_->is_stochastic()) return {};
    ParticleFilterParameters parameters = filter_;
    parameters.members = members;
    return prior_.normalisation.normalise(particle_filter(*dynamics_, observed, parameters, seed).ensemble.members);
  }

 private:
  Prior prior_;
  std::unique_ptr<Dynamics> dynamics_;
  std::int64_t spin_up_;
  PosteriorParameters parameters_;
  ParticleFilterParameters filter_;
};

class ExactSubject final : public CalibrationSubject {
 public:
  ExactSubject(const LinearGaussianChain& chain, const NoiseSchedule& schedule, std::optional<std::int64_t> order,
               PosteriorParameters parameters)
      : chain_(settled(chain)), schedule_(schedule), order_(order), parameters_(std::move(parameters)) {}

  const Dynamics& dynamics() const override { return chain_; }
  Normalisation normalisation() const override { return chain_.normalisation(); }
  std::int64_t spin_up() const override { return 0; }
  Tensor posterior(const Observations& believed, std::int64_t members, std::uint64_t seed,
                   const PosteriorSaving& /*it takes no time*/) const override {
    if (!order_) return smoothed(believed, members, seed);
    const auto prior = exact_score(stationary_process(chain_), schedule_, believed.length, *order_);
    const PosteriorScore score(prior, schedule_, believed, parameters_.guidance);
    const Shape shape{members, believed.length, believed.layout.event.front()};
    return Sampler(schedule_, parameters_.sampler).sample(score, shape, seed, 0, {}, at::kDouble);
  }
  Tensor reference(const Observations& observed, std::int64_t members, std::uint64_t seed) const override {
    return smoothed(observed, members, ~seed);
  }

 private:
  Tensor smoothed(const Observations& observed, std::int64_t members, std::uint64_t seed) const {
    const auto posterior = kalman_smoother(chain_, observed).smoothed;
    return chain_.normalisation().normalise(sample_posterior(posterior, chain_.layout(), members, seed).members);
  }

  LinearGaussianChain chain_;
  NoiseSchedule schedule_;
  std::optional<std::int64_t> order_;
  PosteriorParameters parameters_;
};

/// A trajectory and what the instruments read of it.
Observations observed_truth(const CalibrationSubject& subject, const CalibrationObservation& observation,
                            std::uint64_t seed, std::int64_t trajectory) {
  const Dynamics& dynamics = subject.dynamics();
  const auto member = static_cast<std::uint64_t>(trajectory), spin_up = static_cast<std::uint64_t>(subject.spin_up());
  Tensor start = dynamics.start(1, {seed, Purpose::initial_state, member});
  dynamics.advance(start, subject.spin_up(), {seed, Purpose::transition_noise, member});
  const Tensor truth =
      dynamics.trajectories(start, observation.length, {seed, Purpose::transition_noise, member, spin_up});
  return observe(truth.squeeze(0), dynamics.layout(), subject.normalisation(), observation.parts, observation.name,
                 seed, member);
}

/// The same observations with every σ multiplied: what the posterior is made to believe.
Observations believing(Observations observed, double factor) {
  for (auto& part : observed.parts) part.noise = part.noise.scaled(factor);
  return observed;
}

void keep(CalibrationRecord& record, const CalibrationSubject& subject, const std::string& kind,
          std::int64_t trajectory, const Tensor& normalised) {
  record.keep(kind, trajectory,
              {.layout = subject.dynamics().layout(),
               .members = subject.normalisation().denormalise(normalised),
               .start_time = 0,
               .method = kind});
}

TrajectoryCalibration calibrate_one(const CalibrationSubject& subject, const CalibrationObservation& observation,
                                    const CalibrationParameters& parameters, std::uint64_t seed,
                                    std::int64_t trajectory, CalibrationRecord& record) {
  const Observations y = observed_truth(subject, observation, seed, trajectory);
  const auto own_seed = 1000003 * seed + static_cast<std::uint64_t>(trajectory) + 1;
  const Tensor posterior =
      subject.posterior(believing(y, parameters.believed_noise), parameters.members, own_seed, record.saving());
  if (parameters.reference) {
    const Tensor reference = subject.reference(y, parameters.members, own_seed);
    if (reference.defined()) keep(record, subject, "reference", trajectory, reference);
  }
  keep(record, subject, "posterior", trajectory, posterior);
  const Tensor truth = subject.normalisation().normalise(y.truth.to(at::kDouble));
  const auto ranks = rank_histogram(posterior, truth, own_seed);
  return {.coverage50 = coverage(ranks, 0.5),
          .coverage90 = coverage(ranks, 0.9),
          .rmse = rmse(posterior, truth),
          .spread = spread(posterior),
          .rank_shares = rank_shares(ranks, calibration_bins)};
}

Calibration over_trajectories(const std::vector<TrajectoryCalibration>& rows, std::int64_t members,
                              std::uint64_t seed) {
  std::vector<double> coverage50, coverage90;
  std::vector<std::vector<double>> shares;
  double squared_error = 0, variance = 0;
  for (const auto& row : rows) {
    coverage50.push_back(row.coverage50), coverage90.push_back(row.coverage90);
    squared_error += row.rmse * row.rmse, variance += row.spread * row.spread;
    shares.push_back(row.rank_shares);
  }
  return {.coverage50 = estimate(coverage50),
          .coverage90 = estimate(coverage90),
          .spread_over_error = std::sqrt(variance * (1 + 1 / static_cast<double>(members)) / squared_error),
          .ranks = rank_uniformity(shares, bootstrap_draws, seed)};
}

}  // namespace

std::unique_ptr<CalibrationSubject> trained_subject(Prior prior, std::unique_ptr<Dynamics> dynamics,
                                                    std::int64_t spin_up, PosteriorParameters parameters,
                                                    ParticleFilterParameters filter) {
  return std::make_unique<TrainedSubject>(std::move(prior), std::move(dynamics), spin_up, std::move(parameters),
                                          filter);
}

std::unique_ptr<CalibrationSubject> exact_subject(const LinearGaussianChain& chain, const NoiseSchedule& schedule,
                                                  std::optional<std::int64_t> order, PosteriorParameters parameters) {
  return std::make_unique<ExactSubject>(chain, schedule, order, std::move(parameters));
}

Calibration calibrate(const CalibrationSubject& subject, const CalibrationObservation& observation,
                      const CalibrationParameters& parameters, std::uint64_t seed, CalibrationRecord& record) {
  std::vector<TrajectoryCalibration> rows;
  std::vector<Tensor> posteriors, references;
  for (std::int64_t i = 0; i < parameters.trajectories; ++i) {
    rows.push_back(record.row(i, [&] { return calibrate_one(subject, observation, parameters, seed, i, record); }));
    if (!parameters.reference) continue;
    const auto posterior = record.kept("posterior", i), reference = record.kept("reference", i);
    if (!posterior || !reference) continue;
    posteriors.push_back(subject.normalisation().normalise(posterior->members));
    references.push_back(subject.normalisation().normalise(reference->members));
  }
  Calibration found = over_trajectories(rows, parameters.members, seed);
  if (std::ssize(posteriors) >= fewest_to_classify) found.area = classifier_test(posteriors, references);
  return found;
}

}  // namespace sda
