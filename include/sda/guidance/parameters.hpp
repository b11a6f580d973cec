/// What guidance can be told: the likelihood rule and its parameters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sda/core/fields.hpp"

namespace sda {

/// The names of the likelihood rules there are, and "none": ours, then those of register_likelihood_rule.
std::vector<std::string> guidance_rules();

struct GuidanceParameters {
  std::string rule = "mmps";        ///< one of guidance_rules(); none: the prior itself
  std::vector<double> gamma{1e-3};  ///< Γ = γ I, one value, one for each part, or of one part one for each element
  bool detach = false;              ///< sda: ε held fixed in x̂(x): no VJP, cheaper, less exact
  std::int64_t iterations = 1;      ///< mmps: VJPs to solve its linear system with
  double zeta = 1.0;                ///< dps: weight
};

template <class Visitor>
void fields(Visitor& v, GuidanceParameters& p) {
  v("rule", p.rule, "likelihood rule, by which observations guide; none: the prior itself",
    one_of(guidance_rules(), "one of a --plugin"));
  v("gamma", p.gamma,
    "sda, mmps, pigdm: variance of x̂ over (σ/μ)²; one value, or one for each part of the observation, or of a single "
    "part one for each element of an observation; sda: of all that x(t) leaves open, the others: of the network's "
    "error",
    at_least(0));
  v("detach", p.detach, "sda: hold ε fixed in the gradient (no VJP)", any());
  v("iterations", p.iterations, "mmps: VJPs for its linear system, exact with as many as there are observations",
    at_least(1));
  v("zeta", p.zeta, "dps: weight of the likelihood's score", above(0));
}

}  // namespace sda
