// A linear-Gaussian chain given by its numbers.
#include <cmath>

#include "core/torch.hpp"
#include "dynamics/systems/rows.hpp"
#include "sda/dynamics/linear_gaussian.hpp"

namespace sda {
namespace {

/// x_{i+1} = A x_i + N(0, Q) from N(0, I).
std::unique_ptr<Dynamics> make_linear(const DynamicsParameters& p) {
  require_own_noise(p);
  const LinearParameters& own = p.linear;
  const auto numbers = std::ssize(own.transition), noises = std::ssize(own.innovation);
  const std::int64_t d = std::lround(std::sqrt(static_cast<double>(numbers)));
  if (d < 1 || d * d != numbers)
    refuse_dynamics("transition", std::to_string(numbers) + " numbers", "d × d, row by row");
  if (noises != d && noises != numbers) {
    refuse_dynamics("innovation", std::to_string(noises) + " numbers",
                    std::to_string(d) + " variances or a covariance of " + std::to_string(numbers));
  }
  const Tensor innovation = at::tensor(own.innovation, at::kDouble);
  return std::make_unique<LinearGaussianChain>(
      LinearGaussianParameters{.start_mean = at::zeros(d, at::kDouble),
                               .start_covariance = at::eye(d, at::kDouble),
                               .transition = at::tensor(own.transition, at::kDouble).view({d, d}),
                               .offset = at::zeros(d, at::kDouble),
                               .noise_covariance = noises == numbers ? innovation.view({d, d}) : innovation.diag(),
                               .dt = p.dt > 0 ? p.dt : 1,
                               .name = "linear"});
}

}  // namespace

DynamicsSystem linear_system() {
  return {.name = "linear",
          .help = "linear-Gaussian chain of your numbers, dynamics.transition and dynamics.innovation",
          .make = make_linear,
          .cases = {{"linear",
                     {.system = "linear",
                      .linear = {.transition = {0.5, 0.2, -0.1, 0.9}, .innovation = {0.5, 0.1, 0.1, 0.3}}}}}};
}

}  // namespace sda
