// The harness of cycled methods.
#include "baselines/cycling/cycling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/dynamics/simulation.hpp"

namespace sda {
namespace {

/// Members of x_1 and of the climatology draw from streams of their own.
constexpr std::uint64_t climatology_members = std::uint64_t{1} << 40;
/// Numbers in a state whose covariance is held and decomposed: minutes, and 128 MB.
constexpr Eigen::Index largest_covariance = 4000;

void check(const Dynamics& dynamics, const Observations& observations, const BaselineMethod& method) {
  observations.check();
  if (dynamics.layout().event != observations.layout.event) {
    throw ShapeError({.what = "observations are of another system",
                      .where = method.name,
                      .found = "observations of states " + to_string(observations.layout.event),
                      .expected = to_string(dynamics.layout().event) + ", as " + dynamics.name() + " has them"});
  }
  for (const auto& part : observations.parts) {
    if (part.noise.is_gaussian()) continue;
    throw UnsupportedError({.what = "this method needs Gaussian noise",
                            .where = method.name + ": observation noise",
                            .found = part.noise.describe(),
                            .hint = "use the particle filter"});
  }
  if (method.perfect_model && dynamics.is_stochastic()) {
    throw UnsupportedError(
        {.what = "this method takes the dynamics for deterministic",
         .where = method.name,
         .found = dynamics.name() + " with noise",
         .hint = "choose a filter, enks or enrts, or set dynamics.noise to 0 and see what that costs"});
  }
}

void check(const BaselineParameters& p) {
  const auto require = [](bool good, const std::string& key, double found, const std::string& expected) {
    if (good) return;
    throw UsageError({.what = "a baseline cannot run",
                      .where = "baseline." + key,
                      .found = fmt::format("{}", found),
                      .expected = expected});
  };
  require(p.members >= 2, "members", static_cast<double>(p.members), "at least 2");
  require(p.spin_up >= 0, "spin_up", static_cast<double>(p.spin_up), "at least 0");
  require(p.inflation > 0, "inflation", p.inflation, "a number > 0");
  require(p.first_sigma > 0, "first_sigma", p.first_sigma, "a number > 0");
  require(p.radius > 0, "radius", p.radius, "a number > 0");
  require(p.lag >= -1, "lag", static_cast<double>(p.lag), "at least -1");
  require(p.iterations >= 1, "iterations", static_cast<double>(p.iterations), "at least 1");
  require(p.climatology >= 2, "climatology", static_cast<double>(p.climatology), "at least 2");
  require(p.background > 0, "background", p.background, "a number > 0");
  require(p.certainty > 0, "certainty", p.certainty, "a number > 0");
}

/// The same memory as a tensor of states.
Tensor as_states(const Matrix& e, const Shape& event) {
  return at::from_blob(const_cast<double*>(e.data()), prepend({e.rows()}, event), at::kDouble);
}

Matrix as_matrix(const Tensor& states) {
  const Tensor flat = states.to(at::kDouble).contiguous().flatten(1);
  return Eigen::Map<const Matrix>(flat.data_ptr<double>(), flat.size(0), flat.size(1));
}

}  // namespace

CyclingProblem::CyclingProblem(const Dynamics& dynamics, const Observations& observations,
                               const BaselineParameters& parameters, std::uint64_t seed,
                               const ProgressCallback& progress)
    : dynamics_(dynamics),
      parameters_(parameters),
      seed_(seed),
      progress_(progress),
      solver_event_(dynamics.solver_event()) {
  check(parameters);
  check(dynamics, observations, baseline_method(parameters.method));
  observations_ = observations.by_state();
  readings_.resize(static_cast<std::size_t>(length()));
  for (const auto& part : observations_.parts) {
    std::int64_t time = 0;
    for (const auto state : part.op->times(length()))
      readings_[static_cast<std::size_t>(state)].push_back({&part, time++});
  }
  for (std::int64_t i = 0; i < length(); ++i) {
    if (is_observed(i)) observed_.push_back(i);
  }
  if (!observed_.empty()) return;
  throw ValueError({.what = "no state is observed", .where = parameters.method, .found = observations.describe()});
}

bool CyclingProblem::is_observed(std::int64_t state) const {
  return !readings_[static_cast<std::size_t>(state)].empty();
}

std::vector<const ObservationPart*> CyclingProblem::parts(std::int64_t state) const {
  std::vector<const ObservationPart*> all;
  for (const auto& reading : readings_[static_cast<std::size_t>(state)]) all.push_back(reading.part);
  return all;
}

std::int64_t CyclingProblem::lag() const {
  return parameters_.lag >= 0 ? parameters_.lag : baseline_method(parameters_.method).lag;
}

Matrix CyclingProblem::about_the_truth(std::int64_t members) const {
  if (!observations_.truth.defined()) {
    throw UsageError({.what = "these observations hold no truth to start about",
                      .where = "baseline.first",
                      .found = "truth",
                      .expected = "climatology"});
  }
  const Normalisation& scale = observations_.normalisation;
  const Tensor z = sda::normal(prepend({members}, observations_.layout.event),
                               {.seed = seed_, .purpose = Purpose::filter_start}, at::kDouble);
  const Tensor truth = scale.normalise(observations_.truth[0].to(at::kDouble));
  return as_matrix(dynamics_.to_solver(scale.denormalise(truth + parameters_.first_sigma * z)));
}

Matrix CyclingProblem::first(std::int64_t members) const {
  if (parameters_.first == FirstEnsemble::truth) return about_the_truth(members);
  Tensor x = dynamics_.start(members, {.seed = seed_, .purpose = Purpose::filter_start}, at::kDouble);
  StreamKey noise{.seed = seed_, .purpose = Purpose::filter_transition};
  spin_up(dynamics_, parameters_.spin_up, noise, x, "no ensemble");
  return as_matrix(x);
}

Climatology CyclingProblem::climatology() const {
  const StreamKey start{.seed = seed_, .purpose = Purpose::filter_start, .first_member = climatology_members};
  Tensor x = dynamics_.start(parameters_.climatology, start, at::kDouble);
  StreamKey noise{.seed = seed_, .purpose = Purpose::filter_transition, .first_member = climatology_members};
  spin_up(dynamics_, parameters_.spin_up, noise, x, "no ensemble");
  const Matrix states = as_matrix(x), a = anomalies_of(states);
  if (a.cols() > largest_covariance) {
    throw UnsupportedError({.what = "a climatological covariance of so large a state does not fit this method",
                            .where = parameters_.method,
                            .found = fmt::format("states of {} numbers", a.cols()),
                            .expected = fmt::format("at most {}", largest_covariance),
                            .hint = "take an ensemble method: etkf, letkf"});
  }
  const Eigen::MatrixXd covariance = a.transpose() * a / static_cast<double>(a.rows() - 1);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
  const Vector root = solver.eigenvalues().cwiseMax(0).cwiseSqrt();
  return {.mean = mean_of(states),
          .deviation = solver.eigenvectors() * root.asDiagonal() * solver.eigenvectors().transpose()};
}

void CyclingProblem::forecast(Matrix& e, std::int64_t state) const {
  Tensor x = as_states(e, solver_event_);
  const auto step = static_cast<std::uint64_t>(parameters_.spin_up + state + 1);
  dynamics_.advance(x, 1, {.seed = seed_, .purpose = Purpose::filter_transition, .step = step});
  integrations_ += e.rows();
  if (e.allFinite()) return;
  throw NumericalError({.what = "the ensemble diverged: a member is no longer finite",
                        .where = fmt::format("{}: state {}", parameters_.method, state + 1),
                        .hint = "more members or more inflation, localisation, or a shorter step of the dynamics"});
}

Vector CyclingProblem::observation(std::int64_t state) const {
  std::vector<Tensor> all;
  for (const auto& [part, time] : readings_[static_cast<std::size_t>(state)]) {
    all.push_back((part->values[time].to(at::kDouble) / part->sigma(at::kDouble)).flatten());
  }
  return as_matrix(at::cat(all).unsqueeze(0)).row(0);
}

Matrix CyclingProblem::observe(const Matrix& e, std::int64_t state) const {
  const Tensor x = observations_.normalisation.normalise(dynamics_.to_state(as_states(e, solver_event_)));
  std::vector<Tensor> all;
  for (const auto& [part, time] : readings_[static_cast<std::size_t>(state)]) {
    all.push_back((part->op->read(x).to(at::kDouble) / part->sigma(at::kDouble)).flatten(1));
  }
  return as_matrix(all.size() == 1 ? all.front() : at::cat(all, 1));
}

SeenEnsemble CyclingProblem::see(const Matrix& e, std::int64_t state) const {
  const Matrix read = observe(e, state);
  SeenEnsemble seen{.anomalies = anomalies_of(read), .departure = observation(state) - mean_of(read).transpose()};
  if (state < observed_[observed_.size() / 4]) return seen;
  // Whitened, y ~ N(mean, members' variance + 1).
  const auto free = static_cast<double>(std::max<Eigen::Index>(e.rows() - 1, 1));
  const Eigen::ArrayXd variance = seen.anomalies.colwise().squaredNorm().transpose().array() / free + 1;
  const Eigen::ArrayXd squares = seen.departure.array().square() / variance;
  log_scores_ -= 0.5 * (squares + variance.log() + std::log(2 * std::numbers::pi)).sum();
  squares_ += squares.sum();
  scored_ += squares.size();
  return seen;
}

ForecastScores CyclingProblem::forecast_scores() const {
  const auto n = static_cast<double>(std::max<std::int64_t>(scored_, 1));
  return {.log_score = log_scores_ / n, .departure = std::sqrt(squares_ / n)};
}

StreamKey CyclingProblem::draws(std::int64_t state, std::uint64_t what) const {
  return {.seed = seed_,
          .purpose = Purpose::filter_resampling,
          .first_member = what,
          .step = static_cast<std::uint64_t>(state)};
}

Matrix CyclingProblem::normal(std::int64_t rows, std::int64_t columns, const StreamKey& key) const {
  return as_matrix(sda::normal({1, rows * columns}, key, at::kDouble).reshape({rows, columns}));
}

void CyclingProblem::tell(std::int64_t done) const {
  if (progress_) progress_(done, length(), "");
  StopToken::throw_if_stopped("no ensemble");
}

Record::Record(const CyclingProblem& problem, std::int64_t members)
    : problem_(problem),
      members_(at::empty(prepend({members, problem.length()}, problem.dynamics().layout().event), at::kFloat)) {}

void Record::put(std::int64_t state, const Matrix& e) {
  members_.select(1, state).copy_(problem_.dynamics().to_state(as_states(e, problem_.dynamics().solver_event())));
}

Ensemble Record::ensemble(const std::string& method) const {
  return {.layout = problem_.dynamics().layout(),
          .members = members_,
          .start_time = problem_.observations().start_time,
          .method = method};
}

BaselineResult filter(const CyclingProblem& problem, Matrix e, const std::string& method, const Analysis& analyse,
                      const Analysis& after) {
  Record record(problem, e.rows());
  for (std::int64_t i = 0; i < problem.length(); ++i) {
    if (i > 0) problem.forecast(e, i - 1);
    if (problem.is_observed(i)) analyse(e, i);
    record.put(i, e);
    if (after) after(e, i);
    problem.tell(i + 1);
  }
  BaselineResult result;
  result.filtered = record.ensemble(method);
  return result;
}

BaselineResult run_baseline(const Dynamics& dynamics, const Observations& observations,
                            const BaselineParameters& parameters, std::uint64_t seed,
                            const ProgressCallback& progress) {
  const at::NoGradGuard no_grad;
  const BaselineMethod& method = baseline_method(parameters.method);
  const CyclingProblem problem(dynamics, observations, parameters, seed, progress);
  BaselineResult result = method.run(problem);
  result.forecast = problem.forecast_scores();
  result.analyses = std::ssize(problem.observed());
  result.integrations = problem.integrations();
  return result;
}

}  // namespace sda
