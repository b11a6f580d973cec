// Stationary Gaussian processes, their exact scores and their posteriors, by conditioning the joint Gaussian.
#include "sda/study/exact_chain.hpp"

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/prior/scores.hpp"

namespace sda {

StationaryProcess::StationaryProcess(std::int64_t dimension, Autocovariance autocovariance)
    : dimension_(dimension), autocovariance_(std::move(autocovariance)) {}

Tensor StationaryProcess::covariance(std::int64_t length) const {
  // E[x_i x_jᵀ] = R(i − j), and R(−h) = R(h)ᵀ.
  std::vector<Tensor> lags;
  for (std::int64_t h = length - 1; h > 0; --h) lags.push_back(autocovariance_(h).mT());
  for (std::int64_t h = 0; h < length; ++h) lags.push_back(autocovariance_(h));
  const Tensor i = at::arange(length, at::kLong);
  const Tensor lag = i.unsqueeze(1) - i + (length - 1);
  const Tensor blocks = at::stack(lags).index_select(0, lag.flatten());
  return blocks.view({length, length, dimension_, dimension_})
      .permute({0, 2, 1, 3})
      .reshape({length * dimension_, length * dimension_});
}

StationaryProcess StationaryProcess::seen(const std::vector<std::int64_t>& components) const {
  for (const std::int64_t component : components) {
    if (component >= 0 && component < dimension_) continue;
    throw UsageError({.what = "no such component",
                      .where = "components seen of a process",
                      .found = std::to_string(component),
                      .expected = "0 to " + std::to_string(dimension_ - 1)});
  }
  const Tensor chosen = at::tensor(components, at::kLong);
  return {std::ssize(components), [whole = autocovariance_, chosen](std::int64_t lag) {
            return whole(lag).index_select(0, chosen).index_select(1, chosen);
          }};
}

LinearGaussianChain settled(const LinearGaussianChain& chain) {
  LinearGaussianParameters parameters = chain.parameters();
  std::tie(parameters.start_mean, parameters.start_covariance) = chain.stationary();
  return LinearGaussianChain(std::move(parameters));
}

StationaryProcess stationary_process(const LinearGaussianChain& chain, const Normalisation& normalisation) {
  const Tensor covariance = chain.stationary().second, transition = chain.parameters().transition;
  const Tensor scale = at::outer(normalisation.std, normalisation.std);
  return {covariance.size(0), [=](std::int64_t lag) {
            return at::linalg_matrix_power(transition, lag).matmul(covariance) / scale;  // R(h) = A^h P
          }};
}

StationaryProcess stationary_process(const LinearGaussianChain& chain) {
  return stationary_process(chain, chain.normalisation());
}

StationaryProcess empirical_process(const Tensor& states) {
  constexpr std::int64_t max_components = 64;
  const Tensor flat = states.to(at::kDouble).flatten(2);
  const std::int64_t trajectories = flat.size(0), length = flat.size(1), d = flat.size(2);
  if (d > max_components)
    throw ValueError({.what = "states are too large for closed forms",
                      .where = "autocovariances",
                      .found = std::to_string(d) + " components",
                      .expected = "at most " + std::to_string(max_components)});
  const Tensor centred = flat - flat.mean(at::IntArrayRef({0, 1}));
  return {d, [=](std::int64_t lag) {
            if (lag >= length) return at::zeros({d, d}, at::kDouble);
            const Tensor later = centred.slice(1, lag).flatten(0, 1),
                         earlier = centred.slice(1, 0, length - lag).flatten(0, 1);
            // Divided by all states, whatever the lag: so it is the autocovariance of some process.
            return later.mT().matmul(earlier) / static_cast<double>(trajectories * length);
          }};
}

std::shared_ptr<const DifferentiableScore> exact_score(const StationaryProcess& process, const NoiseSchedule& schedule,
                                                       std::int64_t length, std::int64_t order, std::int64_t stride) {
  const std::int64_t states = order == full_score ? length : 2 * order + 1;
  auto score =
      make_gaussian_score(schedule, at::zeros({states, process.dimension()}, at::kDouble), process.covariance(states));
  if (order == full_score) return score;
  return std::make_shared<WindowedScore>(std::move(score), order, stride);
}

LinearObservations linear_observations(const Observations& observations) {
  for (const auto& part : observations.parts) {
    if (!part.noise.is_gaussian()) {
      throw UnsupportedError(
          {.what = "closed forms need Gaussian noise", .where = "observation noise", .found = part.noise.describe()});
    }
    if (part.op->is_affine()) continue;
    throw UnsupportedError({.what = "closed forms need observations that are linear in the state",
                            .where = "observation operator",
                            .found = part.op->describe()});
  }
  const Shape trajectory = prepend({observations.length}, observations.layout.event);
  const std::int64_t size = count(trajectory);
  const Tensor offset = observations.apply(at::zeros(prepend({1}, trajectory), at::kDouble))[0];
  // The matrix of an affine map is its observation of unit trajectories.
  const Tensor units = at::eye(size, at::kDouble).view(prepend({size}, trajectory));
  return {.matrix = (observations.apply(units) - offset).mT().contiguous(),
          .offset = offset.clone(),
          .variance = observations.variance(at::kDouble)};
}

LinearPosterior linear_posterior(const Tensor& covariance, const LinearObservations& observations) {
  const Tensor cross = covariance.matmul(observations.matrix.mT());
  const Tensor of_observations = observations.matrix.matmul(cross) + observations.variance.diag();
  const Tensor gain = at::linalg_solve(of_observations, cross.mT()).mT();
  return {.gain = gain, .covariance = covariance - gain.matmul(cross.mT()), .of_observations = of_observations};
}

Tensor symmetric_root(const Tensor& matrix) {
  const auto [values, vectors] = at::linalg_eigh((matrix + matrix.mT()) / 2);
  return at::matmul(vectors * values.clamp_min(0).sqrt(), vectors.mT());
}

double bures_squared(const Tensor& v, const Tensor& p) {
  const Tensor root = symmetric_root(p);
  const Tensor between = symmetric_root(root.matmul(v).matmul(root));
  return (v.trace() + p.trace() - 2 * between.trace()).item<double>();
}

}  // namespace sda
