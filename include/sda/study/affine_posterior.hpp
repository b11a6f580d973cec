/// The posterior's score where it is affine, as matrices.
#pragma once

#include <map>
#include <memory>

#include "sda/core/tensor.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/score_model.hpp"
#include "sda/study/exact_chain.hpp"

namespace sda {

/// x ~ N(F (y − c), V), flat trajectories of n elements; c is what the observations read of the mean.
struct Moments {
  Tensor mean_map;    ///< F (n, observation)
  Tensor covariance;  ///< V (n, n)
};

/// ε(x, t | y) = G x + B (y − c), flat.
struct AffineScore {
  Tensor of_x;  ///< G (n, n)
  Tensor of_y;  ///< B (n, observation)
};

/// The library's own posterior score as matrices, read off by asking it; its prior must be linear, x ↦ G x, as
/// `exact_score` is, and its observations affine. MMPS is that with as many iterations as there are observations: fewer
/// are not linear in y. Of a rule that knows the departure's direction alone (DPS), its norm is taken for its root mean
/// square.
class AffinePosterior {
 public:
  /// The values of `observations` are not used. Throws UnsupportedError where an operator is not affine.
  AffinePosterior(std::shared_ptr<const DifferentiableScore> prior, NoiseSchedule schedule, Observations observations,
                  GuidanceParameters guidance);

  /// At x(t) ~ `at`, y ~ N(c, `of_observations`), at which only rules of degree 0 look.
  AffineScore at_time(double t, const Moments& at, const Tensor& of_observations) const;

  const NoiseSchedule& schedule() const { return schedule_; }
  const LinearObservations& observations() const { return observations_; }
  std::int64_t size() const { return observations_.matrix.size(1); }

 private:
  /// ε = G_p x + B (y − c − R x): prior, guidance and what is read of x̂.
  struct Parts {
    Tensor prior;  ///< G_p (n, n)
    Tensor gain;   ///< B (n, observation)
    Tensor read;   ///< R = H ∂x̂/∂x (observation, n)
  };
  const Parts& parts(double t) const;
  Parts probe(double t) const;

  std::shared_ptr<const DifferentiableScore> prior_;
  NoiseSchedule schedule_;
  Observations observed_;
  LinearObservations observations_;
  std::shared_ptr<const PosteriorScore> posterior_;
  Tensor basis_;                           ///< orthonormal rows in general position, (observation, observation)
  mutable std::map<double, Parts> known_;  ///< what was asked for before: samplers with one grid share it
};

}  // namespace sda
