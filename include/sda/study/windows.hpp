/// How wrong the pseudo-blanket is (Rozet & Louppe 2023, section 3.1): the score composed from windows against the
/// trajectory's own, in closed form.
#pragma once

#include "sda/core/tensor.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/study/exact_chain.hpp"

namespace sda {

/// Of the composed ε_k against the whole trajectory's ε, over x(t) of the process itself.
struct WindowError {
  double score = 0;        ///< √(E‖ε_k − ε‖² / E‖ε‖²)
  double worst_state = 0;  ///< the largest √(E‖ε_k,i − ε_i‖² / E‖ε_i‖²) of one state i
  double loss = 0;  ///< E‖ε_k − ε‖² a component: by so much the denoising loss of windows exceeds the trajectory's
  double mean = 0;  ///< √(E‖x̂_k − x̂‖² / tr Cov(x | x(t))): how far Tweedie's mean is off, against what x(t) leaves open
};

/// The windows of trajectories of one length.
class WindowComparison {
 public:
  WindowComparison(StationaryProcess process, NoiseSchedule schedule, std::int64_t length);
  /// Windows of 2 `order` + 1 states, `stride` apart, at time t. Throws UsageError as plan_windows.
  WindowError error(std::int64_t order, std::int64_t stride, double t) const;

 private:
  StationaryProcess process_;
  NoiseSchedule schedule_;
  std::int64_t length_;
  Tensor covariance_;
};

}  // namespace sda
