// A rotation that shrinks, with noise that keeps its variance: x_{i+1} = r R(angle) x_i + N(0, (1 − r²) I).
#include <cmath>

#include "core/torch.hpp"
#include "dynamics/systems/rows.hpp"
#include "sda/dynamics/linear_gaussian.hpp"

namespace sda {

LinearGaussianChain rotation_chain(double r, double angle) {
  const double c = std::cos(angle), s = std::sin(angle);
  return LinearGaussianChain({.start_mean = at::zeros(2, at::kDouble),
                              .start_covariance = at::eye(2, at::kDouble),
                              .transition = at::tensor({c, -s, s, c}, at::kDouble).view({2, 2}) * r,
                              .offset = at::zeros(2, at::kDouble),
                              .noise_covariance = at::eye(2, at::kDouble) * (1 - r * r),
                              .name = "rotation"});
}

DynamicsSystem rotation_system() {
  return {.name = "rotation",
          .help = "rotation that shrinks, with noise that keeps its variance, linear",
          .make =
              [](const DynamicsParameters& p) {
                require_own_noise(p);
                LinearGaussianParameters chain = rotation_chain(p.rotation.r, p.rotation.angle).parameters();
                if (p.dt > 0) chain.dt = p.dt;
                return std::make_unique<LinearGaussianChain>(std::move(chain));
              },
          .cases = {{"rotation", {.system = "rotation"}}}};
}

}  // namespace sda
