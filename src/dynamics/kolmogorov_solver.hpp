/// The numerical method of Kolmogorov flow: Fourier modes of a grid, the step of the vorticity, and the ways between
/// the solver's grid and that of states. Private to src/.
#pragma once

#include <cstdint>

#include "core/torch.hpp"
#include "sda/dynamics/kolmogorov.hpp"

namespace sda::kolmogorov {

/// The largest wavenumber kept along an axis of n points: a product of two modes must not be taken for one that is
/// kept.
std::int64_t resolved_modes(std::int64_t n);

/// Fourier modes of real fields on n × n points: (…, n, max + 1) complex, x-wavenumbers 0, 1, …, −1 and y-wavenumbers
/// 0 … max; those of the others follow from the field's being real.
struct Modes {
  std::int64_t n, max;
  Tensor kx, ky;  ///< (n, 1) and (1, max + 1), real
  Tensor kept;    ///< (n, max + 1): 1 where |kx| ≤ max, else 0

  Modes(std::int64_t points, std::int64_t largest, const at::TensorOptions& real);

  Tensor square() const { return kx.square() + ky.square(); }
  /// Of fields (…, n, n), and back.
  Tensor of(const Tensor& field) const;
  Tensor field(const Tensor& modes) const;

  /// (2, n, max + 1): velocity = inverse_curl × ω, without the mean flow, which has no vorticity.
  Tensor inverse_curl() const;
  /// (2, n, max + 1): ω = Σ curl × velocity.
  Tensor curl() const;
};

/// The mean flow's place among the modes (…, 2, n, m) of a velocity: (…, 2).
Tensor mean_mode(const Tensor& velocity);

/// Solver of one grid, step h, dtype and device.
class Solver {
 public:
  Solver(const KolmogorovParameters& p, double h, const at::TensorOptions& real);

  /// |u| + |v| up to which a step is stable.
  double largest_speed() const { return largest_speed_; }
  /// `steps` steps of velocities (…, 2, n, n).
  Tensor advance(const Tensor& velocity, std::int64_t steps) const;
  Tensor velocity_of(const Tensor& vorticity, const Tensor& mean) const;

 private:
  /// h N(ω), as pairs of real and imaginary parts.
  Tensor transport(const Tensor& vorticity, const Tensor& mean) const;
  /// Half a step without N, exactly.
  Tensor drift(const Tensor& vorticity) const;
  void step(Tensor& vorticity, Tensor& mean) const;

  Modes modes_;
  Tensor curl_, inverse_curl_;
  Tensor decay_;                           // e^{−(|k|²/Re + drag) h/2}
  Tensor transport_uv_, transport_vv_uu_;  // h (kx² − ky²) and h kx ky
  Tensor forcing_;                         // what mode (0, forced_) gains in half a step
  double largest_speed_;
  std::int64_t forced_;
  double mean_decay_;
};

/// Modes (…, n, m) of one grid of cells → those of a finer grid of the same domain, for one and the same function of
/// space: higher modes are 0, values grow with the number of points, and phases shift as the first centre does.
Tensor refine(const Tensor& coarse, const Modes& from, const Modes& to);

/// Modes that a state's grid tells apart: without the highest, whose phase it does not show.
Modes modes_of_state(const KolmogorovParameters& p, const at::TensorOptions& real);

/// What averaging over a block leaves of a mode, along one axis.
Tensor block_response(const Tensor& k, const KolmogorovParameters& p);

/// One transition of members (member, 2, n, n) in place: `steps` steps of `usual`, or as many times more for a member
/// as its flow is too fast for them.
void transition(const KolmogorovParameters& p, double dt, std::int64_t steps, const Solver& usual, Tensor& x);

}  // namespace sda::kolmogorov
