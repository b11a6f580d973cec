// Kalman filter (Kalman 1960) and Rauch-Tung-Striebel smoother (1965), all in float64 and physical units.
#include "sda/baselines/kalman.hpp"

#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

/// Step of the stream `evaluation` that members of the exact posterior are drawn from ("smoother"): metrics use small
/// steps.
constexpr std::uint64_t smoother_draw = 0x736d6f6f74686572;

/// What one instrument reads of one physical state: y = H x + c + N(0, R); when, and what it read.
struct LinearObservation {
  Tensor matrix;    ///< H (r, d)
  Tensor offset;    ///< c (r)
  Tensor variance;  ///< diagonal of R (r)
  std::vector<std::int64_t> times;
  Tensor values;  ///< (times, r)
  std::size_t next = 0;

  bool reads(std::size_t state) const { return next < times.size() && times[next] == static_cast<std::int64_t>(state); }
};

/// H and c by reading the origin and the unit vectors; other states, large and small, must then be read the same way.
LinearObservation probe(const Observations& observations, const ObservationPart& part) {
  if (!part.noise.is_gaussian()) {
    throw UnsupportedError({.what = "a Kalman smoother needs Gaussian noise",
                            .where = "observation noise",
                            .found = part.noise.describe(),
                            .hint = "use the particle filter"});
  }
  const std::int64_t d = observations.layout.event.front();
  const auto read = [&](const Tensor& x) {
    return part.op->read(observations.normalisation.normalise(x)).to(at::kDouble).flatten(1);
  };
  LinearObservation observation;
  observation.offset = read(at::zeros({1, d}, at::kDouble))[0];
  observation.matrix = (read(at::eye(d, at::kDouble)) - observation.offset).t().contiguous();

  const Tensor size = at::pow(10.0, at::arange(-2, 4, at::kDouble)).repeat_interleave(8).unsqueeze(1);
  const Tensor x = size * normal({size.size(0), d}, {.purpose = Purpose::test}, at::kDouble);
  const Tensor found = read(x), expected = x.mm(observation.matrix.t()) + observation.offset;
  const Tensor scale = x.abs().mm(observation.matrix.abs().t()) + observation.offset.abs() + 1;
  if (!((found - expected).abs() <= 1e-9 * scale).all().item<bool>()) {
    throw UnsupportedError({.what = "a Kalman smoother needs observations that are linear in the state",
                            .where = "observation operator",
                            .found = part.op->describe(),
                            .hint = "use the particle filter"});
  }
  observation.variance = part.sigma(at::kDouble).reshape({-1}).square();
  observation.times = part.op->times(observations.length);
  observation.values = part.values.to(at::kDouble).flatten(1);
  return observation;
}

Tensor symmetric(const Tensor& a) {
  return (a + a.t()) / 2;
}

/// X with X B = A for symmetric positive semi-definite B; the pseudo-inverse where B is singular.
Tensor divided(const Tensor& a, const Tensor& b) {
  const auto [factor, info] = at::linalg_cholesky_ex(b);
  if (info.item<std::int64_t>() != 0) return a.mm(at::linalg_pinv(b, /*rcond=*/1e-13, /*hermitian=*/true));
  return at::cholesky_solve(a.t(), factor).t();
}

}  // namespace

KalmanResult kalman_smoother(const LinearGaussianChain& chain, const Observations& observations) {
  observations.check();
  const LinearGaussianParameters& p = chain.parameters();
  const std::int64_t d = p.start_mean.size(0), length = observations.length;
  if (observations.layout.event != Shape{d}) {
    throw ShapeError({.what = "observations are of another system",
                      .where = "Kalman smoother",
                      .found = "observations of states " + to_string(observations.layout.event),
                      .expected = to_string(chain.layout().event) + ", as " + chain.name() + " has them"});
  }
  const at::NoGradGuard no_grad;
  std::vector<LinearObservation> linear;
  for (const auto& part : observations.by_state().parts) linear.push_back(probe(observations, part));
  const auto list = [&] { return std::vector<Tensor>(static_cast<std::size_t>(length)); };

  // Forward: p(x_i | y_1:i−1) = N(m⁻, P⁻), p(x_i | y_1:i) = N(m, P).
  auto predicted_mean = list(), predicted = list(), mean = list(), covariance = list();
  double log_evidence = 0;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    predicted_mean[i] = i == 0 ? p.start_mean : p.transition.mv(mean[i - 1]) + p.offset;
    predicted[i] = i == 0 ? p.start_covariance
                          : symmetric(p.transition.mm(covariance[i - 1]).mm(p.transition.t()) + p.noise_covariance);
    mean[i] = predicted_mean[i];
    covariance[i] = predicted[i];
    // One instrument after the other: their noises are independent.
    for (LinearObservation& observation : linear) {
      if (!observation.reads(i)) continue;
      const Tensor& h = observation.matrix;
      const Tensor prior = covariance[i];
      const Tensor y = observation.values[static_cast<std::int64_t>(observation.next++)];
      const Tensor innovation = y - h.mv(mean[i]) - observation.offset;
      const Tensor s = symmetric(h.mm(prior).mm(h.t()) + observation.variance.diag());
      const Tensor gain = divided(prior.mm(h.t()), s);  // K = P⁻ Hᵀ S⁻¹
      mean[i] = mean[i] + gain.mv(innovation);
      const Tensor rest = at::eye(d, at::kDouble) - gain.mm(h);  // Joseph's form keeps P positive
      covariance[i] = symmetric(rest.mm(prior).mm(rest.t()) + (gain * observation.variance).mm(gain.t()));
      const Tensor white = divided(innovation.unsqueeze(0), s)[0];
      log_evidence -= 0.5 * (innovation.dot(white).item<double>() + at::logdet(s).item<double>() +
                             static_cast<double>(innovation.numel()) * std::log(2 * std::numbers::pi));
    }
  }

  // Backward: G = P Aᵀ (P⁻_{i+1})⁻¹, and cov(x_i, x_j | y) = G_i cov(x_{i+1}, x_j | y) for j > i.
  auto smooth_mean = mean, smooth = covariance;
  Tensor joint = at::empty({length, d, length, d}, at::kDouble);
  for (std::int64_t i = length - 1; i >= 0; --i) {
    const auto at_i = static_cast<std::size_t>(i);
    if (i + 1 < length) {
      const Tensor gain = divided(covariance[at_i].mm(p.transition.t()), predicted[at_i + 1]);
      smooth_mean[at_i] = mean[at_i] + gain.mv(smooth_mean[at_i + 1] - predicted_mean[at_i + 1]);
      smooth[at_i] = symmetric(covariance[at_i] + gain.mm(smooth[at_i + 1] - predicted[at_i + 1]).mm(gain.t()));
      const Tensor later = joint[i + 1].narrow(1, i + 1, length - i - 1).reshape({d, -1});
      const Tensor across = gain.mm(later).reshape({d, length - i - 1, d});
      joint[i].narrow(1, i + 1, length - i - 1).copy_(across);
      joint.narrow(0, i + 1, length - i - 1).select(2, i).copy_(across.permute({1, 2, 0}));
    }
    joint[i].select(1, i).copy_(smooth[at_i]);
  }

  return {.filtered = {.mean = at::stack(mean),
                       .covariance = at::stack(covariance),
                       .joint_covariance = {},
                       .log_evidence = log_evidence},
          .smoothed = {.mean = at::stack(smooth_mean),
                       .covariance = at::stack(smooth),
                       .joint_covariance = joint.reshape({length * d, length * d}),
                       .log_evidence = log_evidence}};
}

Ensemble sample_posterior(const GaussianPosterior& posterior, const StateLayout& layout, std::int64_t members,
                          std::uint64_t seed) {
  if (!posterior.joint_covariance.defined()) {
    throw UnsupportedError({.what = "trajectories need the covariance of the whole trajectory",
                            .where = "Kalman posterior",
                            .hint = "sample the smoothed posterior, not the filtered one"});
  }
  // A square root of the covariance, which may lack rank: V √Λ.
  const auto [variances, directions] = at::linalg_eigh(posterior.joint_covariance);
  const Tensor root = directions * variances.clamp_min(0).sqrt();
  const Tensor z = normal({members, root.size(0)},
                          {.seed = seed, .purpose = Purpose::evaluation, .step = smoother_draw}, at::kDouble);
  const Tensor x = posterior.mean.flatten() + z.mm(root.t());
  return {.layout = layout,
          .members = x.reshape(prepend({members, posterior.mean.size(0)}, layout.event)),
          .method = "Kalman smoother"};
}

}  // namespace sda
