/// The registry of likelihood rules.
#include "sda/guidance/likelihood_rule.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {

// A rule is a file in src/guidance/rules, and its name in these two lines.
LikelihoodRuleKind sda_rule(), mmps_rule(), pigdm_rule(), dps_rule();
static std::vector<LikelihoodRuleKind> our_rules() {
  return {sda_rule(), mmps_rule(), pigdm_rule(), dps_rule()};
}

namespace {

/// The prior itself, which no rule guides.
constexpr const char* no_rule = "none";

std::vector<LikelihoodRuleKind>& rules() {
  static std::vector<LikelihoodRuleKind> all = our_rules();
  return all;
}

}  // namespace

const std::vector<LikelihoodRuleKind>& likelihood_rules() {
  return rules();
}

std::vector<std::string> guidance_rules() {
  std::vector<std::string> names;
  for (const auto& kind : rules()) names.push_back(kind.name);
  names.emplace_back(no_rule);
  return names;
}

bool register_likelihood_rule(LikelihoodRuleKind kind) {
  const auto names = guidance_rules();
  if (std::find(names.begin(), names.end(), kind.name) != names.end())
    throw UsageError({.what = "a likelihood rule of this name is known already",
                      .where = "register_likelihood_rule",
                      .found = kind.name});
  rules().push_back(std::move(kind));
  return true;
}

const LikelihoodRuleKind* likelihood_rule_kind(const std::string& name) {
  if (name == no_rule) return nullptr;
  const auto found = std::find_if(rules().begin(), rules().end(), [&](const auto& kind) { return kind.name == name; });
  if (found != rules().end()) return &*found;
  throw UsageError({.what = "unknown likelihood rule",
                    .where = "guidance.rule",
                    .found = name,
                    .expected = fmt::format("one of {}", fmt::join(guidance_rules(), ", "))});
}

std::unique_ptr<LikelihoodRule> make_likelihood_rule(const GuidanceParameters& parameters) {
  const auto* kind = likelihood_rule_kind(parameters.rule);
  if (parameters.iterations < 1)
    throw UsageError({.what = "out of range",
                      .where = "guidance.iterations",
                      .found = fmt::format("{}", parameters.iterations),
                      .expected = "at least 1"});
  return kind == nullptr ? nullptr : kind->make(parameters);
}

std::string method_name(const GuidanceParameters& parameters) {
  const auto rule = make_likelihood_rule(parameters);
  return rule == nullptr ? "prior" : rule->method();
}

std::int64_t passes(const GuidanceParameters& parameters, std::int64_t observations) {
  const auto rule = make_likelihood_rule(parameters);
  return 1 + (rule == nullptr ? 0 : rule->vjps(observations));
}

}  // namespace sda
