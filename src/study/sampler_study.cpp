// Accuracy against network passes of every rule, grid and noise, with no sampling noise.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"
#include "sda/guidance/likelihood_rule.hpp"
#include "sda/study/moments.hpp"
#include "sda/study/studies.hpp"

namespace sda {
namespace {

/// One way to sample, and how it did.
struct Way {
  std::string rule, order, grid, noise;
  std::int64_t steps = 0, passes = 0;
  Nearness near{};
  double mean_error = 0, covariance_error = 0;
  bool best = false;  ///< none with as few passes is as near
};

[[noreturn]] void refuse_way(const std::string& flag, const std::string& found, const std::string& expected) {
  throw UsageError({.what = "not understood", .where = flag, .found = found, .expected = expected});
}

void apply_grid(SamplerParameters& sampler, const std::string& grid) {
  const auto words = between_colons(grid);
  const auto known = choice_of<TimeGrid>(words[0]);
  if (!known || words.size() > 2) refuse_way("--grids", grid, "uniform, log_snr, power:EXPONENT or karras:EXPONENT");
  sampler.grid = *known;
  if (words.size() == 2) sampler.exponent = parse_number(words[1], "--grids", "a number after the colon");
}

/// What --noise names besides the correctors.
enum class Exchange { none, churn };
constexpr auto choice_names(Exchange) {
  return std::array{"none", "churn"};
}

/// none, churn:DELTA, langevin:C, leimkuhler_matthews:C and, with another τ than 0.25 or 1, langevin:C:TAU, ….
void apply_noise(SamplerParameters& sampler, const std::string& noise) {
  const auto words = between_colons(noise);
  sampler.corrections = 0;
  const auto exchange = choice_of<Exchange>(words[0]);
  if (exchange == Exchange::none && words.size() == 1) return;
  if (exchange == Exchange::churn && words.size() == 2) {
    sampler.churn = parse_number(words[1], "--noise", "a number after the colon");
    return;
  }
  const auto corrector = choice_of<Corrector>(words[0]);
  if (!corrector || words.size() < 2 || words.size() > 3) {
    refuse_way("--noise", noise, "none, churn:DELTA, langevin:C[:TAU] or leimkuhler_matthews:C[:TAU]");
  }
  sampler.corrector = *corrector;
  sampler.corrections = static_cast<std::int64_t>(parse_number(words[1], "--noise", "a number after the colon"));
  sampler.tau = words.size() == 3                   ? parse_number(words[2], "--noise", "a number after the colon")
                : *corrector == Corrector::langevin ? 0.25
                                                    : 1;
}

/// The rule sda with guidance.detach.
constexpr const char* detached_rule = "sda-detached";

GuidanceParameters guidance_of(const std::string& rule, GuidanceParameters guidance) {
  guidance.detach = rule == detached_rule;
  guidance.rule = guidance.detach ? "sda" : rule;
  const auto rules = guidance_rules();
  if (std::find(rules.begin(), rules.end(), guidance.rule) == rules.end()) {
    refuse_way("--rules", rule, fmt::format("{} or {}", fmt::join(rules, ", "), detached_rule));
  }
  // What such a rule knows of x̂ without γ is exact here, or nearly.
  if (const auto* kind = likelihood_rule_kind(guidance.rule); kind != nullptr && kind->own_variance) {
    guidance.gamma = {0};
  }
  return guidance;
}

/// Passes of one evaluation through the prior: forward, and VJPs. MMPS is solved exactly here, and two VJPs
/// are as good (verification.ExactChainSampler).
std::int64_t passes_of(const std::string& rule) {
  GuidanceParameters guidance = guidance_of(rule, {});
  guidance.iterations = 2;
  return passes(guidance, guidance.iterations);
}

/// Every way asked for, its sampler read already, so that faults in flags are found before the work.
std::vector<std::pair<Way, SamplerParameters>> ways_of(const SamplerStudy& study, const SamplerParameters& base) {
  std::vector<std::pair<Way, SamplerParameters>> ways;
  for (const auto& order : study.orders) {
    parse_order(order, "--k");
    for (const auto& rule : study.rules) {
      guidance_of(rule, {});
      for (const auto& grid : study.grids) {
        for (const auto& noise : study.noises) {
          for (const std::int64_t steps : study.steps) {
            SamplerParameters sampler = base;
            sampler.churn = 0;
            sampler.steps = steps;
            apply_grid(sampler, grid);
            apply_noise(sampler, noise);
            const std::int64_t evaluations = Sampler(NoiseSchedule{}, sampler).evaluations();  // refuses bad ones
            Way way{.rule = rule, .order = order, .grid = grid, .noise = noise, .steps = steps};
            way.passes = evaluations * passes_of(rule);
            ways.emplace_back(std::move(way), sampler);
          }
        }
      }
    }
  }
  return ways;
}

void measure_ways(std::vector<std::pair<Way, SamplerParameters>>& ways, StudyTable& table,
                  const StudySubject& subject) {
  const Experiment& experiment = subject.experiment;
  const auto chain = linear_chain(experiment.dynamics);
  const StationaryProcess process = stationary_process(*chain);
  const Observations observed = subject.unread(*chain);
  const LinearPosterior truth = linear_posterior(process.covariance(observed.length), linear_observations(observed));
  // Ways of one score share what it was asked for.
  std::optional<AffinePosterior> score;
  const Way* of = nullptr;
  table.expect(std::ssize(ways));
  for (auto& [way, sampler] : ways) {
    const TableRow key{way.rule, way.order, way.grid, way.noise, fmt::format("{}", way.steps)};
    const auto numbers = table.row(key, [&, &w = way, &s = sampler]() -> std::vector<double> {
      if (of == nullptr || of->rule != w.rule || of->order != w.order || of->grid != w.grid) {
        score.emplace(exact_score(process, subject.schedule, observed.length, parse_order(w.order, "--k")),
                      subject.schedule, observed, guidance_of(w.rule, experiment.guidance));
        of = &w;
      }
      const Moments moments = propagate_moments(*score, s, truth.of_observations);
      const PosteriorError e = posterior_error(moments, truth);
      return followed_by({static_cast<double>(w.passes), e.mean, e.covariance},
                         Nearness::of(e, moments, truth).numbers());
    });
    way.mean_error = numbers[1], way.covariance_error = numbers[2];
    way.near = Nearness::from(numbers, 3);
  }
}

/// From few passes to many; among as many, the nearest first. Those that none before is as near as are best.
std::vector<Way> sorted_ways(const std::vector<std::pair<Way, SamplerParameters>>& ways) {
  std::vector<Way> all;
  for (const auto& [way, sampler] : ways) all.push_back(way);
  std::stable_sort(all.begin(), all.end(), [](const Way& a, const Way& b) {
    return std::pair(a.passes, a.near.error) < std::pair(b.passes, b.near.error);
  });
  double nearest = std::numeric_limits<double>::infinity();
  for (auto& way : all) {
    way.best = way.near.error < nearest;
    nearest = std::min(nearest, way.near.error);
  }
  return all;
}

std::string sampler_text(const std::vector<Way>& all) {
  std::vector<TableRow> rows{{"rule", "k", "grid", "noise", "steps", "passes", "of mean", "of covariance", "error",
                              "RMSE", "spread", "in 50 %", "in 90 %"}};
  for (const auto& way : all) {
    if (!way.best) continue;
    const TableRow own{way.rule,
                       way.order,
                       way.grid,
                       way.noise,
                       fmt::format("{}", way.steps),
                       fmt::format("{}", way.passes),
                       short_number(way.mean_error),
                       short_number(way.covariance_error)};
    rows.push_back(followed_by(own, way.near.cells()));
  }
  return aligned(rows, 4);
}

std::vector<PlotPanel> sampler_panels(const std::vector<Way>& all, const SamplerStudy& study) {
  PlotPanel panel{.title = "every way sampled, and the best",
                  .x_axis = "network passes",
                  .y_axis = "error over the posterior's spread",
                  .log_x = true,
                  .log_y = true,
                  .curves = {}};
  const auto add = [&](PlotCurve& curve, const Way& way) {
    constexpr double drawn = 10;  // beyond lies what diverged
    if (!(way.near.error < drawn)) return;
    curve.x.push_back(static_cast<double>(way.passes));
    curve.y.push_back(way.near.error);
  };
  for (const auto& rule : study.rules) {
    PlotCurve curve{.name = rule, .x = {}, .y = {}, .low = {}, .high = {}, .points = true};
    for (const auto& way : all) {
      if (way.rule == rule) add(curve, way);
    }
    if (!curve.x.empty()) panel.curves.push_back(std::move(curve));
  }
  PlotCurve front{.name = "best for its passes", .x = {}, .y = {}, .low = {}, .high = {}, .reference = true};
  for (const auto& way : all) {
    if (way.best) add(front, way);
  }
  if (!front.x.empty()) panel.curves.push_back(std::move(front));
  return {panel};
}

}  // namespace

StudyResult study_sampler(const StudySubject& subject, const SamplerStudy& study, const StudyOutput& output) {
  const Experiment& experiment = subject.experiment;
  auto ways = ways_of(study, experiment.sampler);
  const TableRow columns = followed_by(TableRow{"passes", "mean_error", "covariance_error"}, Nearness::names());
  StudyTable table(output, "ways to sample", {"rule", "k", "grid", "noise", "steps"}, columns, subject.config());
  measure_ways(ways, table, subject);
  const auto all = sorted_ways(ways);
  return table.finish(
      "Best for its passes:\n\n" + sampler_text(all) + "\n",
      "Samplers on an exact chain: " + experiment.dynamics.system + ", observation " + subject.name,
      sampler_panels(all, study),
      "Error: W2 between the sampler's Gaussian and the posterior, over the posterior's own spread, averaged over y.");
}

}  // namespace sda
