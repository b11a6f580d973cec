// The damped spring of the reference: a linear-Gaussian chain of position, velocity, acceleration and wind.
#include "core/torch.hpp"
#include "dynamics/systems/rows.hpp"
#include "sda/dynamics/linear_gaussian.hpp"

namespace sda {

LinearGaussianChain damped_spring(double dt) {
  const Tensor transition = at::tensor({1.0, dt, dt * dt / 2, 0.0,  //
                                        0.0, 1.0, dt, 0.0,          //
                                        -0.5, -0.1, 0.0, 0.2,       //
                                        0.0, 0.0, 0.0, 0.99},
                                       at::kDouble);
  return LinearGaussianChain({.start_mean = at::eye(4, at::kDouble)[0].clone(),
                              .start_covariance = at::eye(4, at::kDouble),
                              .transition = transition.view({4, 4}),
                              .offset = at::zeros(4, at::kDouble),
                              .noise_covariance = at::tensor({0.1, 0.1, 0.1, 1.0}, at::kDouble).diag() * dt,
                              .dt = dt,
                              .name = "damped_spring"});
}

DynamicsSystem damped_spring_system() {
  return {.name = "damped_spring",
          .help = "mass on a spring under drag and random wind, linear",
          .make =
              [](const DynamicsParameters& p) {
                require_own_noise(p);
                return std::make_unique<LinearGaussianChain>(damped_spring(p.dt > 0 ? p.dt : 0.01));
              },
          .cases = {{"damped_spring", {.system = "damped_spring"}}}};
}

}  // namespace sda
