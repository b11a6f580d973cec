/// The score of a network by its own kernel, from windows to the trajectory's score in one pass; private to the room.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "sda/prior/scores.hpp"

namespace sda {

/// A network's kernel as windows of one size need it: some of them at a time, as a panel.
class PanelKernel {
 public:
  virtual ~PanelKernel() = default;
  /// Windows of a panel, at most.
  virtual std::int64_t rows() const = 0;
  /// Bytes that a panel's forward pass leaves for its VJPs, and that one thread works in: multiples of a cache
  /// line.
  virtual std::int64_t tape_size() const = 0;
  virtual std::int64_t workspace_size() const = 0;
  /// What time adds, worked out once for each t: float32, contiguous.
  virtual Tensor at_time(double t) const = 0;
  /// rows (n pointers to windows) → result (n, values of a window). `tape` may be null where no VJP follows.
  virtual void forward(const float* const* rows, std::int64_t n, const float* of_time, float* result, std::byte* tape,
                       std::byte* workspace) const = 0;
  /// v (n, values) → vᵀ ∂result/∂rows (n, values), which may lie in the same place.
  virtual void vjp(const float* v, std::int64_t n, std::byte* tape, float* gradient, std::byte* workspace) const = 0;
};

struct FusedNetwork {
  std::string name;     ///< for messages
  Shape event;          ///< of a state
  std::int64_t order;   ///< k of a local network; 0 of a global one, whose windows are whole trajectories
  std::int64_t stride;  ///< between windows
  std::function<std::shared_ptr<const PanelKernel>(std::int64_t window)> kernel_for;  ///< throws ShapeError
};

/// Trajectories (member, length, …event). `memory` bounds what a linearisation keeps: panels beyond it are run again.
std::shared_ptr<const DifferentiableScore> make_fused_score(FusedNetwork network, std::int64_t memory);

}  // namespace sda
