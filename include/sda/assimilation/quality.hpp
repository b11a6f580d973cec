/// How posteriors are sampled, in one word: what docs/results/guidance.md advises, in few steps or many, or what the
/// paper did.
#pragma once

#include <array>
#include <string>

#include "sda/assimilation/assimilate.hpp"

namespace sda {

enum class Quality {
  quick,  ///< as good, in 64 steps
  good,   ///< MMPS with churn, denser steps near t = 0, 256 of them: the default of every parameter
  best,   ///< as good, in 512 steps
  paper   ///< Rozet & Louppe (2023): SDA's rule, 256 uniform steps, one Langevin correction after each
};
constexpr auto choice_names(Quality) {
  return std::array{"quick", "good", "best", "paper"};
}

/// Sets what the quality is made of, and leaves the rest as it is: members, stride, precision, and of quick, good and
/// best what they do not use or what is for single cases (iterations, order, times of churn).
void apply(Quality quality, PosteriorParameters& parameters);
/// The same over the defaults.
PosteriorParameters posterior_parameters(Quality quality);

/// What helps where members diverge or miss the observations, a hint: a rule that goes with churn, more steps, wider
/// windows.
std::string advice_on_misfit(const PosteriorParameters& parameters, const Prior& prior);
/// Standard deviations from the data's mean beyond which a member has diverged: twice the bound of x̂, which members
/// pass by what guidance adds after it; where there is no bound, 30, beyond what the tails of weather give.
double largest_member(const AssimilationParameters& parameters);

}  // namespace sda
