// Moments carried through the sampler's steps, which are affine where the score is.
#include "sda/study/carried.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/diffusion/denoising.hpp"

namespace sda {

namespace {

Tensor unit_matrix(std::int64_t n) {
  return at::eye(n, at::kDouble);
}
double trace_of_square(const Tensor& map, const Tensor& covariance) {
  return map.matmul(covariance).mul(map).sum().item<double>();  // tr M C Mᵀ
}

/// The observations with these values, flat, of all parts; with noise of standard deviation 1 if so asked.
Observations with_values(Observations observations, const Tensor& values, bool unit_noise) {
  std::int64_t first = 0;
  for (auto& part : observations.parts) {
    const std::int64_t n = part.values.numel();
    part.values = values.narrow(0, first, n).reshape(part.values.sizes()).to(at::kDouble).contiguous();
    if (unit_noise) part.noise = GaussianNoise({1.0});
    first += n;
  }
  return observations;
}

GuidanceParameters affine_rule(GuidanceParameters guidance, std::int64_t observations) {
  // DPS is SDA with the variance ‖y − A(x̂)‖ / 2ζ: it is read off at variance 1 and scaled in `at_time`.
  if (guidance.rule == "dps") return {.rule = "sda", .gamma = {0}};
  guidance.iterations = std::max<std::int64_t>(1, observations);
  return guidance;
}

}  // namespace

AffinePosterior::AffinePosterior(std::shared_ptr<const DifferentiableScore> prior, NoiseSchedule schedule,
                                 Observations observations, GuidanceParameters guidance)
    : prior_(std::move(prior)),
      schedule_(std::move(schedule)),
      observed_(std::move(observations)),
      observations_(linear_observations(observed_)),
      guidance_(std::move(guidance)) {
  const std::int64_t n = observations_.offset.numel();
  observed_ = with_values(std::move(observed_), observations_.offset, guidance_.rule == "dps");
  posterior_ = std::make_shared<PosteriorScore>(prior_, schedule_, observed_, affine_rule(guidance_, n));
  // Of a unit observation's few neighbours the Krylov space of MMPS may hold too little.
  basis_ = std::get<0>(at::linalg_qr(normal({n, n}, {.seed = 1, .purpose = Purpose::evaluation}, at::kDouble)));
}

AffinePosterior::Parts AffinePosterior::probe(double t) const {
  const std::int64_t n = size();
  const Shape trajectory = prepend({-1, observed_.length}, observed_.layout.event);
  const Tensor prior = prior_->epsilon(unit_matrix(n).view(trajectory), t).flatten(1).mT().contiguous();
  const Tensor denoised = (unit_matrix(n) - schedule_.sigma(t) * prior) / schedule_.mu(t);  // ∂x̂/∂x
  const Tensor read = observations_.matrix.matmul(denoised);
  if (guidance_.rule == "none") return {prior, at::zeros({n, read.size(0)}, at::kDouble), read};
  // A likelihood knows y by y − A(x̂) alone: where that is q, x = −R⁺ q, it adds B q.
  const Tensor inverse = at::linalg_pinv(read);
  if (!at::allclose(read.matmul(inverse), unit_matrix(read.size(0)), 1e-6, 1e-6))
    throw UnsupportedError({.what = "closed forms need observations that differ from each other",
                            .where = "observation operator",
                            .found = observed_.describe()});
  const Tensor x = basis_.matmul(inverse.mT()).neg().view(trajectory);
  const Tensor added = (posterior_->epsilon(x, t) - prior_->epsilon(x, t)).flatten(1);
  return {prior, added.mT().matmul(basis_), read};
}

const AffinePosterior::Parts& AffinePosterior::parts(double t) const {
  constexpr std::int64_t max_elements = std::int64_t{1} << 25;  // 256 MiB
  if (const auto found = known_.find(t); found != known_.end()) return found->second;
  const std::int64_t elements = size() * (size() + 2 * observations_.offset.numel());
  if (std::ssize(known_) * elements > max_elements) known_.clear();
  return known_.emplace(t, probe(t)).first->second;
}

AffineScore AffinePosterior::at_time(double t, const CarriedGaussian& at, const Tensor& of_observations) const {
  const auto& [prior, gain, read] = parts(t);
  double scale = 1;
  if (guidance_.rule == "dps") {
    const Tensor departure = unit_matrix(read.size(0)) - read.matmul(at.mean_map);
    scale = 2 * guidance_.zeta /
            std::sqrt(trace_of_square(departure, of_observations) + trace_of_square(read, at.covariance));
  }
  return {prior - scale * gain.matmul(read), scale * gain};
}

namespace {

/// x(t) and the past evaluations of ε that a multistep predictor remembers, the latest first: one Gaussian, given y.
class CarriedPath {
 public:
  CarriedPath(const AffinePosterior& score, const SamplerParameters& parameters, const Tensor& of_observations)
      : score_(score),
        schedule_(score.schedule()),
        parameters_(parameters),
        of_observations_(of_observations),
        n_(score.size()),
        mean_map_(at::zeros({n_, of_observations.size(0)}, at::kDouble)),
        covariance_(unit_matrix(n_)) {}

  CarriedGaussian state() const { return {mean_map_.narrow(0, 0, n_), covariance_.narrow(0, 0, n_).narrow(1, 0, n_)}; }

  /// As Sampler's: x ← μ'/μ x + μ' Σ w_i ε_i and noise renewed, ε asked for at x_e = q x + p z.
  void predict(double from, double to) {
    if (parameters_.predictor == Predictor::heun) return heun(from, to);
    const Churn churn = Churn::within(schedule_, from, to, is_noisy(from) ? parameters_.churn : 0);
    nodes_.insert(nodes_.begin(), schedule_.ratio(from));
    if (std::ssize(nodes_) > parameters_.order) nodes_.pop_back();
    const auto weights = integration_weights(nodes_, nodes_.front(), schedule_.ratio(to));
    const double mu = schedule_.mu(to);
    const auto [score, q, p] = evaluate(from, churn);
    const double c = mu * (weights.front() - churn.delta * churn.ratio);
    const Tensor unit = unit_matrix(n_), none = at::zeros({n_, n_}, at::kDouble);
    // The new x and the new ε from the old x; the other evaluations move one place down.
    std::vector<Tensor> of_x{mu / schedule_.mu(from) * unit + c * q * score.of_x};
    for (std::size_t i = 1; i < weights.size(); ++i) of_x.push_back(mu * weights[i] * unit);
    std::vector<Tensor> rows{at::cat(of_x, 1)};
    std::vector<Tensor> noise{2 * mu * half_kick(churn) * unit + c * p * score.of_x}, observations{c * score.of_y};
    const std::int64_t past = std::ssize(weights) - 1;
    const std::int64_t kept = std::min(past + 1, parameters_.order - 1);
    for (std::int64_t row = 0; row < kept; ++row) {
      std::vector<Tensor> blocks{row == 0 ? q * score.of_x : none};
      for (std::int64_t i = 0; i < past; ++i) blocks.push_back(row == i + 1 ? unit : none);
      rows.push_back(at::cat(blocks, 1));
      noise.push_back(row == 0 ? p * score.of_x : none);
      observations.push_back(row == 0 ? score.of_y : at::zeros_like(score.of_y));
    }
    map(at::cat(rows), at::cat(noise), at::cat(observations));
  }

  void correct(double t) {
    if (!is_noisy(t)) return;
    if (parameters_.corrector == Corrector::langevin) return langevin(t);
    // u ← u + √(2δ) s_e z − δ s_e ε
    const Churn churn = Churn::at(schedule_, t, parameters_.tau);
    if (churn.delta == 0) return;
    const double mu = schedule_.mu(t), c = mu * churn.delta * churn.ratio;
    const auto [score, q, p] = evaluate(t, churn);
    map_state(unit_matrix(n_) - c * q * score.of_x, 2 * mu * half_kick(churn) * unit_matrix(n_) - c * p * score.of_x,
              -c * score.of_y);
  }

 private:
  struct Evaluation {
    AffineScore score;  ///< ε at x_e = q x + p z
    double q, p;
  };

  bool is_noisy(double t) const { return parameters_.noise_until <= t && t <= parameters_.noise_from; }
  static double half_kick(const Churn& churn) { return std::sqrt(churn.delta / 2) * churn.ratio; }

  Evaluation evaluate(double t, const Churn& churn) const {
    const CarriedGaussian x = state();
    if (churn.delta == 0) return {score_.at_time(t, x, of_observations_), 1, 0};
    const double mu = schedule_.mu(churn.time), q = mu / schedule_.mu(t), p = mu * half_kick(churn);
    const CarriedGaussian kicked{q * x.mean_map, q * q * x.covariance + p * p * unit_matrix(n_)};
    return {score_.at_time(churn.time, kicked, of_observations_), q, p};
  }

  /// x ← x − (δ ε + √(2δ) z) σ with δ = τ / E[mean ε²].
  void langevin(double t) {
    const CarriedGaussian x = state();
    const AffineScore score = score_.at_time(t, x, of_observations_);
    const Tensor mean = score.of_x.matmul(x.mean_map) + score.of_y;  // E[ε | y]
    const double square = trace_of_square(score.of_x, x.covariance) + trace_of_square(mean, of_observations_);
    const double delta = parameters_.tau / (square / static_cast<double>(n_)), sigma = schedule_.sigma(t);
    map_state(unit_matrix(n_) - delta * sigma * score.of_x, std::sqrt(2 * delta) * sigma * unit_matrix(n_),
              -delta * sigma * score.of_y);
  }

  /// Heun's: the mean of ε here and of ε where it leads.
  void heun(double from, double to) {
    const auto [r, c] = ExponentialStep::between(schedule_, from, to);
    const CarriedGaussian x = state();
    const AffineScore here = score_.at_time(from, x, of_observations_);
    const Tensor step = r * unit_matrix(n_) + c * here.of_x, step_of_y = c * here.of_y;
    const CarriedGaussian led{step.matmul(x.mean_map) + step_of_y, step.matmul(x.covariance).matmul(step.mT())};
    const AffineScore there = score_.at_time(to, led, of_observations_);
    map_state(r * unit_matrix(n_) + c / 2 * (here.of_x + there.of_x.matmul(step)), at::zeros({n_, n_}, at::kDouble),
              c / 2 * (here.of_y + there.of_y + there.of_x.matmul(step_of_y)));
  }

  /// All vectors: u ← M u + N z + b (y − c).
  void map(const Tensor& m, const Tensor& of_z, const Tensor& of_y) {
    mean_map_ = m.matmul(mean_map_) + of_y;
    covariance_ = m.matmul(covariance_).matmul(m.mT()) + of_z.matmul(of_z.mT());
  }

  /// x alone; evaluations that are remembered stay as they are.
  void map_state(const Tensor& m, const Tensor& of_z, const Tensor& of_y) {
    const std::int64_t all = mean_map_.size(0);
    if (all == n_) return map(m, of_z, of_y);
    const auto filled = [&](Tensor whole, const Tensor& part) {
      whole.narrow(0, 0, n_).narrow(1, 0, part.size(1)).copy_(part);
      return whole;
    };
    map(filled(unit_matrix(all), m), filled(at::zeros({all, n_}, at::kDouble), of_z),
        filled(at::zeros({all, of_y.size(1)}, at::kDouble), of_y));
  }

  const AffinePosterior& score_;
  const NoiseSchedule& schedule_;
  const SamplerParameters& parameters_;
  Tensor of_observations_;
  std::int64_t n_;
  std::vector<double> nodes_;  ///< σ/μ of the evaluations, the latest first
  Tensor mean_map_, covariance_;
};

}  // namespace

CarriedGaussian carry(const AffinePosterior& score, const SamplerParameters& parameters,
                      const Tensor& of_observations) {
  const std::vector<double> t = Sampler(score.schedule(), parameters).times();
  CarriedPath path(score, parameters, of_observations);
  for (std::size_t step = 0; step + 1 < t.size(); ++step) {
    path.predict(t[step], t[step + 1]);
    for (std::int64_t i = 0; i < parameters.corrections; ++i) path.correct(t[step + 1]);
  }
  return path.state();
}

PosteriorError posterior_error(const CarriedGaussian& carried, const LinearPosterior& truth) {
  if (!at::isfinite(carried.covariance).all().item<bool>() || !at::isfinite(carried.mean_map).all().item<bool>()) {
    constexpr double diverged = std::numeric_limits<double>::infinity();
    return {diverged, diverged, diverged, diverged};
  }
  const double scale = truth.covariance.trace().item<double>();
  const double mean = trace_of_square(carried.mean_map - truth.gain, truth.of_observations) / scale;
  const double covariance = std::max(0.0, bures_squared(carried.covariance, truth.covariance)) / scale;
  return {.mean = std::sqrt(mean),
          .covariance = std::sqrt(covariance),
          .total = std::sqrt(mean + covariance),
          .spread = std::sqrt(carried.covariance.trace().item<double>() / scale)};
}

double expected_coverage(const CarriedGaussian& carried, const LinearPosterior& truth, double level) {
  // x_i − F_i y ~ N(0, P_ii + (F − K)_i S (F − K)_iᵀ), against an interval of ± z √V_ii.
  const Tensor d = carried.mean_map - truth.gain;
  const Tensor deviation = truth.covariance.diagonal() + d.matmul(truth.of_observations).mul(d).sum(1);
  const Tensor half_width = at::erfinv(at::scalar_tensor(level, at::kDouble)) *
                            (carried.covariance.diagonal().clamp_min(0) / deviation).sqrt();
  return at::erf(half_width).mean().item<double>();
}

}  // namespace sda
