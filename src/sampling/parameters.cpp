/// What parameters of the sampler may be, each and together.
#include "sda/sampling/parameters.hpp"

#include <fmt/format.h>

#include <string>

#include "sda/core/error.hpp"

namespace sda {
namespace {

void require_sampler(bool holds, const std::string& key, const std::string& found, const std::string& expected) {
  if (!holds)
    throw UsageError({.what = "out of range", .where = "sampler." + key, .found = found, .expected = expected});
}

}  // namespace

void check(const SamplerParameters& p) {
  require_sampler(p.steps >= 1, "steps", fmt::format("{}", p.steps), "at least 1");
  require_sampler(p.exponent > 0, "exponent", fmt::format("{}", p.exponent), "a number > 0");
  require_sampler(p.order >= 1 && p.order <= 3, "order", fmt::format("{}", p.order), "1, 2 or 3");
  require_sampler(p.churn >= 0 && p.churn < 2, "churn", fmt::format("{}", p.churn), "a number ≥ 0 and < 2");
  require_sampler(p.predictor == Predictor::exponential || (p.churn == 0 && p.order == 1), "predictor",
                  name_of(p.predictor), "exponential, for sampler.churn > 0 or sampler.order > 1");
  require_sampler(p.corrections >= 0, "corrections", fmt::format("{}", p.corrections), "at least 0");
  require_sampler(p.tau > 0, "tau", fmt::format("{}", p.tau), "a number > 0");
  require_sampler(p.corrector == Corrector::langevin || p.tau < 2, "tau", fmt::format("{}", p.tau),
                  "below 2, for leimkuhler_matthews");
  require_sampler(0 <= p.noise_until && p.noise_until <= p.noise_from && p.noise_from <= 1, "noise_until",
                  fmt::format("{} to {}", p.noise_from, p.noise_until), "1 ≥ noise_from ≥ noise_until ≥ 0");
}

}  // namespace sda
