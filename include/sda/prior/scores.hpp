/// The scores there are: of a network, of a Gaussian (exact), and of a trajectory composed from its windows.
#pragma once

#include <memory>

#include "sda/core/communicator.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/prior/network.hpp"
#include "sda/prior/score_model.hpp"

namespace sda {

/// How a network is evaluated: by its own kernel where it has one, or by libtorch's operations and autograd.
enum class Evaluation { automatic, autograd };

/// ε_φ of a network on rows (windows, or trajectories for a global network), some rows at a time. Pull-backs keep
/// what they need of the forward pass while it fits in `memory` bytes and run it again where it does not.
/// `automatic` may copy the weights: make the score after training.
std::shared_ptr<const DifferentiableScore> make_network_score(std::shared_ptr<const Network> network,
                                                              std::int64_t memory,
                                                              Evaluation evaluation = Evaluation::automatic);

/// Exact ε of the perturbed Gaussian N(μ m, μ² Σ + σ² I): ε = σ (μ² Σ + σ² I)⁻¹ (x − μ m). m (length, …event),
/// Σ (n, n) with n the elements of m; float64 inside. Throws ShapeError, ValueError if Σ is not symmetric.
std::shared_ptr<const DifferentiableScore> make_gaussian_score(NoiseSchedule schedule, const Tensor& mean,
                                                               const Tensor& covariance);

/// `score` where its Tweedie mean x̂ = (x − σ ε)/μ lies within ±`bound` (normalised units), element by element; beyond,
/// x̂ is taken for the data's mean, 0, so that ε = x/σ. Throws ValueError for a bound that is not > 0.
std::shared_ptr<const DifferentiableScore> make_bounded_score(std::shared_ptr<const DifferentiableScore> score,
                                                              NoiseSchedule schedule, double bound);

/// Which window gives which states: windows of `window` = 2k+1 states start at `starts`; state i is given by the
/// window `owner[i]`, at its offset i − starts[owner[i]].
struct WindowPlan {
  std::int64_t window = 0;
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> owner;
};
/// The first window gives its first states up to its centre block, each inner one its `stride` central states,
/// the last the rest. Throws UsageError if k < 1, stride is not in 1 … 2k+1, or the window is longer than the
/// trajectory.
WindowPlan plan_windows(std::int64_t order, std::int64_t stride, std::int64_t length);

/// The trajectory's score from the scores of its windows (Rozet & Louppe 2023, Algorithm 2: the pseudo-blanket).
class WindowedScore final : public DifferentiableScore {
 public:
  WindowedScore(std::shared_ptr<const DifferentiableScore> window_score, std::int64_t order, std::int64_t stride = 1);
  Tensor epsilon(const Tensor& x, double t) const override;
  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override;

 private:
  std::shared_ptr<const DifferentiableScore> window_score_;
  std::int64_t order_, stride_;
};

/// States first … first + count − 1 of trajectories of `length`, which `score` takes windows of: for rows (row, count,
/// …event) that ε which `score` gives these states within the whole trajectory. Ranks hold shares one after the other
/// (share_of); for each evaluation neighbours exchange a halo, for stride 1 the k states on each side of a boundary,
/// and for each VJP as much. Throws UsageError where a share is smaller than a halo. `ranks` have to outlive it.
std::shared_ptr<const DifferentiableScore> make_sharded_score(std::shared_ptr<const DifferentiableScore> score,
                                                              const WindowPlan& plan, const Communicator& ranks);

}  // namespace sda
