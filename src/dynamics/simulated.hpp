/// An ordinary differential equation as a Markov chain: x_{i+1} = (RK4 steps of x_i through dt) + N(0, s² I). Private
/// to src/.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "core/torch.hpp"
#include "dynamics/ode.hpp"
#include "dynamics/states.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/dynamics.hpp"

namespace sda {

/// Numbers of one state, float64.
inline Tensor numbers(std::initializer_list<double> values) {
  return at::tensor(at::ArrayRef<double>(values.begin(), values.size()), at::kDouble);
}

/// What distinguishes one system from another, besides its equation.
struct Description {
  std::string name;
  StateLayout layout;
  Normalisation normalisation;
  std::int64_t substeps = 1;
  double noise = 0.0;       ///< s
  std::int64_t noisy = -1;  ///< components that have noise, the first ones; −1: all
  std::function<Tensor(std::int64_t members, const StreamKey&, at::ScalarType)> start;
};

/// The chain of an equation; `step` of namespace ode takes it through a Runge-Kutta step.
template <template <class> class Equation>
class Simulated final : public Dynamics {
 public:
  Simulated(Equation<double> equation, Description description)
      : equation_(equation),
        about_(std::move(description)),
        size_(count(about_.layout.event)),
        noisy_(about_.noisy < 0 ? size_ : about_.noisy) {}

  std::string name() const override { return about_.name; }
  StateLayout layout() const override { return about_.layout; }
  Normalisation normalisation() const override { return about_.normalisation; }
  bool is_stochastic() const override { return about_.noise > 0; }
  std::int64_t solver_steps() const override { return about_.substeps; }

  Tensor start(std::int64_t members, const StreamKey& key, at::ScalarType dtype) const override {
    return about_.start(members, key, dtype);
  }

  void advance(Tensor& x, std::int64_t steps, const StreamKey& key) const override {
    check_states(x, about_.layout.event, about_.name);
    march(x, steps, key, about_.noise, nullptr, 0);
  }

  Tensor trajectories(const Tensor& start, std::int64_t length, const StreamKey& key,
                      const ProgressCallback& progress) const override {
    check_states(start, about_.layout.event, about_.name);
    return record_trajectories(start, start, length, transitions_at_once(start), progress,
                               [&](Tensor& x, std::int64_t first, std::int64_t steps, Tensor& all) {
                                 StreamKey here = key;
                                 here.step += static_cast<std::uint64_t>(first);
                                 march(x, steps, here, about_.noise, &all, first + 1);
                               });
  }

  /// log N(to | RK4(from), s² I) of the components that have noise, computed in float64; constants are those of `from`.
  Tensor log_transition(const Tensor& from, const Tensor& to) const override {
    if (!is_stochastic()) {
      throw UnsupportedError({.what = "a deterministic transition has no density",
                              .where = about_.name,
                              .hint = "give the dynamics noise: dynamics.noise > 0"});
    }
    const auto axes = static_cast<std::int64_t>(about_.layout.event.size());
    if (from.sizes() != to.sizes() || from.dim() < axes ||
        from.sizes().slice(static_cast<std::size_t>(from.dim() - axes)) != at::IntArrayRef(about_.layout.event)) {
      throw ShapeError({.what = "states of a transition do not fit",
                        .where = about_.name,
                        .found = to_string(from.sizes()) + " to " + to_string(to.sizes()),
                        .expected = "the same shape twice, … × " + to_string(about_.layout.event)});
    }
    Tensor mean = from.to(at::kDouble).reshape(prepend({-1}, about_.layout.event)).clone();
    march(mean, 1, {}, 0.0, nullptr, 0);
    const Tensor deviation = ((to.to(at::kDouble).reshape(mean.sizes()) - mean) / about_.noise).flatten(1);
    const double log_volume =
        static_cast<double>(noisy_) * (0.5 * std::log(2 * std::numbers::pi) + std::log(about_.noise));
    const Tensor log_p = deviation.narrow(1, 0, noisy_).square().sum(1).mul(-0.5) - log_volume;
    return log_p.reshape(from.sizes().slice(0, static_cast<std::size_t>(from.dim() - axes))).to(from.scalar_type());
  }

 private:
  /// `steps` transitions of x in place; the states passed go to all[:, first …] if given.
  void march(Tensor& x, std::int64_t steps, const StreamKey& key, double noise, Tensor* all, std::int64_t first) const {
    if (x.scalar_type() == at::kFloat) {
      march_as(equation_.narrow(), x.data_ptr<float>(), x.size(0), steps, key, static_cast<float>(noise), all, first);
    } else {
      march_as(equation_, x.data_ptr<double>(), x.size(0), steps, key, noise, all, first);
    }
  }

  template <class Real>
  void march_as(const Equation<Real>& equation, Real* x, std::int64_t members, std::int64_t steps, const StreamKey& key,
                Real noise, Tensor* all, std::int64_t first) const {
    const auto h = static_cast<Real>(about_.layout.dt / static_cast<double>(about_.substeps));
    // Draws come in blocks of components, which may reach into those without noise.
    const std::int64_t reached = std::min(lanes::padded_rows<Real>(noisy_), size_) - noisy_;
    const auto make_transition = [&] {
      return [&, scratch = ode::Scratch<Real>(size_),
              kept = std::vector<Real>(static_cast<std::size_t>(reached * lanes::width))](
                 Real* lanes, const lanes::Draws& draws) mutable {
        for (std::int64_t i = 0; i < about_.substeps; ++i) step(equation, lanes, size_, h, scratch);
        if (!(noise > 0)) return;
        Real* constants = lanes + noisy_ * lanes::width;
        std::copy_n(constants, kept.size(), kept.begin());
        lanes::add_noise(lanes, noisy_, noise, draws);
        std::copy(kept.begin(), kept.end(), constants);
      };
    };
    lanes::march(x, members, size_, steps, key, all ? all->data_ptr<Real>() + first * size_ : nullptr,
                 all ? all->size(1) * size_ : 0, make_transition);
  }

  Equation<double> equation_;
  Description about_;
  std::int64_t size_, noisy_;
};

}  // namespace sda
