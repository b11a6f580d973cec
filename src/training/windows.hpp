/// What a training step is made of: windows cut from trajectories, moved along periodic axes and perturbed. Private to
/// src/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "sda/core/random.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/prior/prior.hpp"
#include "sda/training/training_states.hpp"

namespace sda {

/// Windows that are cut from normalised trajectories.
class WindowSource {
 public:
  /// What is drawn of one trajectory: a window's first state, and by how many points it is moved along each axis.
  struct Place {
    std::int64_t first;
    std::vector<std::int64_t> shift;
  };

  /// `what` they are, in messages. Throws UsageError where windows or shifts do not fit, ShapeError for another event.
  WindowSource(TrainingStates trajectories, const Prior& prior, const std::vector<std::int64_t>& shifts,
               const std::string& what);

  std::int64_t trajectories() const { return states_.size(0); }

  /// One random window of each trajectory.
  std::vector<Place> places(std::uint64_t seed, Purpose purpose, std::int64_t epoch) const;

  /// The windows of n trajectories will be gathered soon.
  void expect(const std::int64_t* trajectory, std::int64_t n, const std::vector<Place>& places) const;

  /// (window, …event).
  Shape shape() const { return prepend({window_}, states_.sizes().slice(2)); }

  /// Writes the windows of n trajectories, one after the other.
  void gather(const std::int64_t* trajectory, std::int64_t n, const std::vector<Place>& places, float* to) const;

 private:
  /// Copies `blocks` blocks of the axes of space from `axis` on, each moved along them.
  void copy_moved(const float* from, float* to, std::int64_t blocks, std::size_t axis,
                  const std::vector<std::int64_t>& shift) const;

  TrainingStates source_;
  Tensor states_;
  std::int64_t window_;
  std::vector<std::int64_t> shifts_;
  Shape space_;
};

/// Perturbed windows x(t) = μ x + σ ε with t = u^q, u and ε from streams of a step; of one size after another in one
/// memory.
class Batch {
 public:
  explicit Batch(double time_exponent) : time_exponent_(time_exponent) {}

  struct Streams {
    std::uint64_t seed;
    Purpose time, noise;
  };

  void draw(const WindowSource& source, const std::int64_t* trajectory, std::int64_t n,
            const std::vector<WindowSource::Place>& places, const NoiseSchedule& schedule, const Streams& streams,
            std::int64_t step);

  const Tensor& x() const { return x_; }
  const Tensor& t() const { return t_; }
  const Tensor& epsilon() const { return epsilon_; }

 private:
  void resize(std::int64_t n, const Shape& window);

  double time_exponent_;
  Tensor all_x_, all_t_, all_epsilon_;
  Tensor x_, t_, epsilon_;  ///< as many rows of them as the batch has
};

}  // namespace sda
