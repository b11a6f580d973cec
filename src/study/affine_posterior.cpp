// A posterior's score as matrices, read off by asking it.
#include "sda/study/affine_posterior.hpp"

#include <algorithm>
#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/diffusion/denoising.hpp"
#include "study/matrices.hpp"

namespace sda {

using study::trace_of_square, study::unit_matrix;

namespace {

/// The observations with these values, flat, of all parts.
Observations with_values(Observations observations, const Tensor& values) {
  std::int64_t first = 0;
  for (auto& part : observations.parts) {
    const std::int64_t n = part.values.numel();
    part.values = values.narrow(0, first, n).reshape(part.values.sizes()).to(at::kDouble).contiguous();
    first += n;
  }
  return observations;
}

}  // namespace

AffinePosterior::AffinePosterior(std::shared_ptr<const DifferentiableScore> prior, NoiseSchedule schedule,
                                 Observations observations, GuidanceParameters guidance)
    : prior_(std::move(prior)),
      schedule_(std::move(schedule)),
      observed_(std::move(observations)),
      observations_(linear_observations(observed_)) {
  const std::int64_t n = observations_.offset.numel();
  observed_ = with_values(std::move(observed_), observations_.offset);
  guidance.iterations = std::max<std::int64_t>(1, n);
  posterior_ = std::make_shared<PosteriorScore>(prior_, schedule_, observed_, guidance);
  // Of a unit observation's few neighbours the Krylov space of MMPS may hold too little.
  basis_ = std::get<0>(at::linalg_qr(normal({n, n}, {.seed = 1, .purpose = Purpose::evaluation}, at::kDouble)));
}

AffinePosterior::Parts AffinePosterior::probe(double t) const {
  const std::int64_t n = size();
  const Shape trajectory = prepend({-1, observed_.length}, observed_.layout.event);
  const Tensor prior = prior_->epsilon(unit_matrix(n).view(trajectory), t).flatten(1).mT().contiguous();
  const Tensor denoised = (unit_matrix(n) - schedule_.sigma(t) * prior) / schedule_.mu(t);  // ∂x̂/∂x
  const Tensor read = observations_.matrix.matmul(denoised);
  if (posterior_->rule() == nullptr) return {prior, at::zeros({n, read.size(0)}, at::kDouble), read};
  // A likelihood knows y by y − A(x̂) alone: where that is q, x = −R⁺ q, it adds B q. All q have length 1, for rules
  // that know its direction alone.
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

AffineScore AffinePosterior::at_time(double t, const Moments& at, const Tensor& of_observations) const {
  const auto& [prior, gain, read] = parts(t);
  double scale = 1;
  if (const auto* rule = posterior_->rule(); rule != nullptr && rule->degree() == 0) {
    const Tensor departure = unit_matrix(read.size(0)) - read.matmul(at.mean_map);
    scale = 1 / std::sqrt(trace_of_square(departure, of_observations) + trace_of_square(read, at.covariance));
  }
  return {prior - scale * gain.matmul(read), scale * gain};
}

}  // namespace sda
