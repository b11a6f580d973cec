/// Presets of guidance and sampler, compared on the exact chain, on Lorenz 1963 and on a Kolmogorov flow in
/// docs/results/guidance.md.
#include "sda/assimilation/quality.hpp"

namespace sda {
namespace {

void apply_advised(std::int64_t steps, PosteriorParameters& parameters) {
  auto& [guidance, sampler, assimilation] = parameters;
  guidance.rule = "mmps";
  guidance.gamma = {1e-3};
  sampler.steps = steps;
  sampler.grid = TimeGrid::power;
  sampler.exponent = 2.5;
  sampler.predictor = Predictor::exponential;
  sampler.churn = 1;
  sampler.corrections = 0;
  assimilation.bound = 5;
}

void apply_paper(PosteriorParameters& parameters) {
  auto& [guidance, sampler, assimilation] = parameters;
  guidance.rule = "sda";
  guidance.gamma = {1e-2};
  guidance.detach = false;
  sampler = {.steps = 256,
             .grid = TimeGrid::uniform,
             .exponent = 2,
             .predictor = Predictor::exponential,
             .order = 1,
             .churn = 0,
             .corrections = 1,
             .corrector = Corrector::langevin,
             .tau = 0.25,
             .noise_from = 1,
             .noise_until = 0};
  assimilation.bound = 0;
}

}  // namespace

void apply(Quality quality, PosteriorParameters& parameters) {
  switch (quality) {
    case Quality::quick:
      return apply_advised(64, parameters);
    case Quality::good:
      return apply_advised(256, parameters);
    case Quality::best:
      return apply_advised(512, parameters);
    case Quality::paper:
      return apply_paper(parameters);
  }
}

PosteriorParameters posterior_parameters(Quality quality) {
  PosteriorParameters parameters;
  apply(quality, parameters);
  return parameters;
}

std::string advice_on_misfit(const PosteriorParameters& parameters, const Prior& prior) {
  const auto& [guidance, sampler, assimilation] = parameters;
  const LikelihoodRuleKind* rule = likelihood_rule_kind(guidance.rule);
  const bool is_stiff = rule != nullptr && !rule->own_variance;
  if (is_stiff && sampler.churn > 0)
    return "the rule " + guidance.rule + " with churn diverges: --quality good or paper";
  if (is_stiff && assimilation.bound == 0) return "--quality good bounds what the prior estimates";
  if (sampler.steps < 256) return "take more steps: --quality good";
  const auto& network = prior.network_parameters;
  return std::string(network.global ? ""
                                    : "a prior of wider windows (sda train --order) carries observations farther; ") +
         "are errors, units, times and order of axes those of the prior's data?";
}

double largest_member(const AssimilationParameters& parameters) {
  return parameters.bound > 0 ? 2 * parameters.bound : 30;
}

}  // namespace sda
