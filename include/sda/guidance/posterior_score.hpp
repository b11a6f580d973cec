/// A prior's score plus the score of a likelihood: ε(x(t) | y) (Rozet & Louppe 2023, section 3.2 and Algorithm 3;
/// DPS: Chung et al. 2022; ΠGDM: Song et al. 2023; MMPS: Rozet et al. 2024).
#pragma once

#include <cstdint>
#include <memory>

#include "sda/core/communicator.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/guidance/likelihood_rule.hpp"
#include "sda/guidance/parameters.hpp"
#include "sda/observation/observations.hpp"
#include "sda/prior/score_model.hpp"

namespace sda {

/// ε(x | y) = ε(x) − σ ∇ log p(y | x(t)) by a likelihood rule; rows (member, length, …event) normalised, as the
/// prior's. Of observations in several parts y is all of them.
class PosteriorScore final : public ScoreModel {
 public:
  /// Throws UsageError for parameters that do not fit the observations, or noise that the rule does not take. Where
  /// `ranks`, which have to outlive it, share the states of the trajectories, prior and observations are of this
  /// rank's.
  PosteriorScore(std::shared_ptr<const DifferentiableScore> prior, NoiseSchedule schedule, Observations observations,
                 const GuidanceParameters& parameters, const Communicator& ranks = alone());
  /// Throws ShapeError for trajectories of another length than the observed.
  Tensor epsilon(const Tensor& x, double t) const override;

  /// Null where nothing guides.
  const LikelihoodRule* rule() const { return rule_.get(); }
  /// Passes through the prior that one `epsilon` makes.
  std::int64_t passes() const;

 private:
  std::shared_ptr<const DifferentiableScore> prior_;
  NoiseSchedule schedule_;
  Observations observations_;
  std::shared_ptr<const LikelihoodRule> rule_;
  const Communicator& ranks_;
  std::int64_t count_;  ///< of the observations of all ranks
};

}  // namespace sda
