// Moments moved by the sampler's own plan, whose steps are affine where the score is.
#include "sda/study/moments.hpp"

#include <cmath>
#include <limits>

#include "core/torch.hpp"
#include "study/matrices.hpp"

namespace sda {

using study::trace_of_square, study::unit_matrix;

namespace {

/// x(t) and the evaluations of ε that a multistep predictor remembers, the latest first: one Gaussian, given y.
class MomentPath {
 public:
  MomentPath(const AffinePosterior& score, const Tensor& of_observations)
      : score_(score),
        of_observations_(of_observations),
        n_(score.size()),
        mean_map_(at::zeros({n_, of_observations.size(0)}, at::kDouble)),
        covariance_(unit_matrix(n_)) {}

  Moments state() const { return {mean_map_.narrow(0, 0, n_), covariance_.narrow(0, 0, n_).narrow(1, 0, n_)}; }

  /// x ← a x + Σ wᵢ εᵢ + b z + c ε₀ with ε₀ = G (q x + p z) + B (y − c).
  void operator()(const AffineStep& step) {
    const Moments x = state();
    const Moments asked{step.q * x.mean_map, step.q * step.q * x.covariance + step.p * step.p * unit_matrix(n_)};
    const AffineScore score = score_.at_time(step.t, asked, of_observations_);
    const AffineMap evaluated{step.q * score.of_x, step.p * score.of_x, score.of_y};
    const double w = step.c + (step.w.empty() ? 0 : step.w.front());
    const AffineMap next{step.a * unit_matrix(n_) + w * evaluated.of_x, step.b * unit_matrix(n_) + w * evaluated.of_z,
                         w * evaluated.of_y};
    step.w.empty() ? move(next) : remember(next, evaluated, step);
  }

  /// With δ = τ / E[mean ε²] for all.
  void operator()(const LangevinStep& step) {
    const Moments x = state();
    const AffineScore score = score_.at_time(step.t, x, of_observations_);
    const Tensor mean = score.of_x.matmul(x.mean_map) + score.of_y;  // E[ε | y]
    const double square = trace_of_square(score.of_x, x.covariance) + trace_of_square(mean, of_observations_);
    const double delta = step.tau / (square / static_cast<double>(n_)), sigma = step.sigma;
    move({unit_matrix(n_) - delta * sigma * score.of_x, std::sqrt(2 * delta) * sigma * unit_matrix(n_),
          -delta * sigma * score.of_y});
  }

  void operator()(const HeunStep& step) {
    const Moments x = state();
    const AffineScore here = score_.at_time(step.t, x, of_observations_);
    const Tensor map = step.r * unit_matrix(n_) + step.c * here.of_x, of_y = step.c * here.of_y;
    const Moments led{map.matmul(x.mean_map) + of_y, map.matmul(x.covariance).matmul(map.mT())};
    const AffineScore there = score_.at_time(step.t_next, led, of_observations_);
    move({step.r * unit_matrix(n_) + step.c / 2 * (here.of_x + there.of_x.matmul(map)),
          at::zeros({n_, n_}, at::kDouble), step.c / 2 * (here.of_y + there.of_y + there.of_x.matmul(of_y))});
  }

 private:
  /// M x + N z + b (y − c)
  struct AffineMap {
    Tensor of_x, of_z, of_y;
  };

  /// x by `next`, which lacks the past evaluations' share; ε₀ before those that are remembered, of which `kept` stay.
  void remember(const AffineMap& next, const AffineMap& evaluated, const AffineStep& step) {
    const std::int64_t past = std::ssize(step.w) - 1;
    const Tensor unit = unit_matrix(n_), none = at::zeros({n_, n_}, at::kDouble);
    std::vector<Tensor> of_x{next.of_x};
    for (std::int64_t i = 0; i < past; ++i) of_x.push_back(step.w[static_cast<std::size_t>(i + 1)] * unit);
    std::vector<Tensor> rows{at::cat(of_x, 1)}, of_z{next.of_z}, of_y{next.of_y};
    for (std::int64_t row = 0; row < step.kept; ++row) {
      std::vector<Tensor> blocks{row == 0 ? evaluated.of_x : none};
      for (std::int64_t i = 0; i < past; ++i) blocks.push_back(row == i + 1 ? unit : none);
      rows.push_back(at::cat(blocks, 1));
      of_z.push_back(row == 0 ? evaluated.of_z : none);
      of_y.push_back(row == 0 ? evaluated.of_y : at::zeros_like(evaluated.of_y));
    }
    move_all({at::cat(rows), at::cat(of_z), at::cat(of_y)});
  }

  /// x alone; evaluations that are remembered stay as they are.
  void move(const AffineMap& map) {
    const std::int64_t all = mean_map_.size(0);
    if (all == n_) return move_all(map);
    const auto filled = [&](Tensor whole, const Tensor& part) {
      whole.narrow(0, 0, n_).narrow(1, 0, part.size(1)).copy_(part);
      return whole;
    };
    move_all({filled(unit_matrix(all), map.of_x), filled(at::zeros({all, n_}, at::kDouble), map.of_z),
              filled(at::zeros({all, map.of_y.size(1)}, at::kDouble), map.of_y)});
  }

  void move_all(const AffineMap& map) {
    mean_map_ = map.of_x.matmul(mean_map_) + map.of_y;
    covariance_ = map.of_x.matmul(covariance_).matmul(map.of_x.mT()) + map.of_z.matmul(map.of_z.mT());
  }

  const AffinePosterior& score_;
  Tensor of_observations_;
  std::int64_t n_;
  Tensor mean_map_, covariance_;
};

}  // namespace

Moments propagate_moments(const AffinePosterior& score, const StepPlan& plan, const Tensor& of_observations) {
  MomentPath path(score, of_observations);
  for (const Stage& stage : plan)
    for (const Step& step : stage.steps) std::visit(path, step);
  return path.state();
}

Moments propagate_moments(const AffinePosterior& score, const SamplerParameters& parameters,
                          const Tensor& of_observations) {
  return propagate_moments(score, step_plan(score.schedule(), parameters), of_observations);
}

PosteriorError posterior_error(const Moments& moments, const LinearPosterior& truth) {
  if (!at::isfinite(moments.covariance).all().item<bool>() || !at::isfinite(moments.mean_map).all().item<bool>()) {
    constexpr double diverged = std::numeric_limits<double>::infinity();
    return {diverged, diverged, diverged, diverged};
  }
  const double scale = truth.covariance.trace().item<double>();
  const double mean = trace_of_square(moments.mean_map - truth.gain, truth.of_observations) / scale;
  const double covariance = std::max(0.0, bures_squared(moments.covariance, truth.covariance)) / scale;
  return {.mean = std::sqrt(mean),
          .covariance = std::sqrt(covariance),
          .total = std::sqrt(mean + covariance),
          .spread = std::sqrt(moments.covariance.trace().item<double>() / scale)};
}

double expected_coverage(const Moments& moments, const LinearPosterior& truth, double level) {
  // x_i − F_i y ~ N(0, P_ii + (F − K)_i S (F − K)_iᵀ), against an interval of ± z √V_ii.
  const Tensor d = moments.mean_map - truth.gain;
  const Tensor deviation = truth.covariance.diagonal() + d.matmul(truth.of_observations).mul(d).sum(1);
  const Tensor half_width = at::erfinv(at::scalar_tensor(level, at::kDouble)) *
                            (moments.covariance.diagonal().clamp_min(0) / deviation).sqrt();
  return at::erf(half_width).mean().item<double>();
}

}  // namespace sda
