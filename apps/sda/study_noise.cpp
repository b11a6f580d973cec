/// sda study noise: the noise that is assumed against the noise there is, of another size or with heavy tails.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "sda/core/error.hpp"
#include "sda/study/noise.hpp"
#include "study.hpp"

namespace sda::app {
namespace {

struct NoiseOptions : StudyFlags {
  std::vector<std::string> tails{"gaussian", "contaminated:0.05:10", "contaminated:0.2:10", "student:3"};
  std::vector<double> assumed{0.25, 0.5, 1, 2, 4, 8};
  std::string order = "4";
  std::int64_t draws = 1000;
};

Tensor scales_of(const NoiseOptions& options, const std::string& tails, std::int64_t observations, std::uint64_t seed) {
  const std::string expected = "gaussian, contaminated:SHARE:FACTOR or student:DEGREES";
  const auto words = between_colons(tails);
  if (tails == "gaussian") return gaussian_scales(1, observations);
  if (words[0] == "contaminated" && words.size() == 3) {
    return contaminated_scales(options.draws, observations, parse_number(words[1], "--tails", expected),
                               parse_number(words[2], "--tails", expected), seed);
  }
  if (words[0] == "student" && words.size() == 2) {
    return student_scales(options.draws, observations, std::lround(parse_number(words[1], "--tails", expected)), seed);
  }
  throw UsageError({.what = "not understood", .where = "--tails", .found = tails, .expected = expected});
}

/// Verdicts over the noise assumed.
struct UnderTails {
  std::string tails;
  std::vector<NoiseVerdict> verdicts;
};

std::vector<PlotPanel> noise_panels(const NoiseOptions& options, const std::vector<UnderTails>& all) {
  const std::string axis = "noise assumed over the true noise's core";
  PlotPanel rmse{.title = "error of the mean",
                 .x_axis = axis,
                 .y_axis = "RMSE over the best there is",
                 .log_x = true,
                 .curves = {}};
  PlotPanel coverage{
      .title = "truths in the central 90 %", .x_axis = axis, .y_axis = "share", .log_x = true, .curves = {}};
  for (const auto& under : all) {
    PlotCurve of_rmse{.name = under.tails, .x = options.assumed, .y = {}};
    PlotCurve of_coverage = of_rmse;
    for (const auto& verdict : under.verdicts) {
      of_rmse.y.push_back(verdict.rmse);
      of_coverage.y.push_back(verdict.coverage90);
    }
    rmse.curves.push_back(std::move(of_rmse));
    coverage.curves.push_back(std::move(of_coverage));
  }
  PlotCurve expected{.name = "calibrated", .x = {options.assumed.front(), options.assumed.back()}, .y = {0.9, 0.9}};
  expected.reference = true;
  coverage.curves.push_back(std::move(expected));
  return {rmse, coverage};
}

void study_noise(const NoiseOptions& options, const Globals& globals) {
  const StudySubject subject(options, globals, /*advised=*/true);
  const Experiment& experiment = subject.experiment;
  const auto chain = linear_chain(experiment.dynamics);
  const StationaryProcess process = stationary_process(*chain);
  const auto observed = [&](double factor) { return subject.unread(*chain, factor); };
  const LinearObservations observations = linear_observations(observed(1));
  const Tensor covariance = process.covariance(subject.observation.length);
  const std::int64_t order = parse_order(options.order, "--k");

  StudyTable table(options, globals, "noises", {"tails", "assumed"}, {"rmse", "spread", "coverage_50", "coverage_90"},
                   fmt::format("k = \"{}\"\ndraws = {}\n", options.order, options.draws) + subject.config());
  table.expect(std::ssize(options.tails) * std::ssize(options.assumed));
  // The ensemble hangs on the noise assumed alone: moments are propagated once for all tails.
  std::map<double, Moments> moments;
  const auto ensemble = [&](double factor) -> const Moments& {
    if (const auto found = moments.find(factor); found != moments.end()) return found->second;
    const Observations believed = observed(factor);
    const AffinePosterior score(exact_score(process, subject.schedule, believed.length, order), subject.schedule,
                                believed, experiment.guidance);
    const LinearPosterior posterior = linear_posterior(covariance, linear_observations(believed));
    return moments.emplace(factor, propagate_moments(score, experiment.sampler, posterior.of_observations))
        .first->second;
  };

  std::vector<UnderTails> all;
  std::vector<TableRow> rows{{"tails", "assumed", "RMSE", "spread over RMSE", "in 50 %", "in 90 %"}};
  for (const auto& tails : options.tails) {
    const Tensor scales = scales_of(options, tails, observations.offset.numel(), globals.seed);
    all.push_back({tails, {}});
    for (const double factor : options.assumed) {
      const auto n = table.row({tails, fmt::format("{}", factor)}, [&]() -> std::vector<double> {
        const NoiseVerdict v = judge_under_noise(ensemble(factor), covariance, observations, scales);
        return {v.rmse, v.spread, v.coverage50, v.coverage90};
      });
      all.back().verdicts.push_back({n[0], n[1], n[2], n[3]});
      rows.push_back({tails, fmt::format("{}", factor)});
      for (const double number : n) rows.back().push_back(fmt::format("{:.3f}", number));
    }
  }
  print(aligned(rows, 1) + "\n");
  table.finish(
      fmt::format("Noise that is not as assumed: {}, observation {}", experiment.dynamics.system, subject.name),
      noise_panels(options, all),
      "RMSE of the ensemble's mean over that of a posterior that knows the noise of each observation.");
}

}  // namespace

Subcommand noise_study(CLI::App& study, Globals& globals) {
  auto options = std::make_shared<NoiseOptions>();
  CLI::App* flags =
      add_study(study, "noise", "Noise that is not as assumed: its size, and heavy tails",
                "-o run/noise --tails gaussian,student:3,contaminated:0.1:10 --assumed 0.5,1,2,4", *options);
  add_list(
      *flags, "--tails", options->tails,
      "gaussian, contaminated:SHARE:FACTOR (that share of observations has FACTOR times the noise), student:DEGREES");
  add_list(*flags, "--assumed", options->assumed, "assumed noise over the configuration's")
      ->check(CLI::PositiveNumber.description("> 0"));
  flags->add_option("--k", options->order, "order of the windows, or full")->capture_default_str();
  flags->add_option("--draws", options->draws, "of the scales of observations, to average over")
      ->check(CLI::PositiveNumber.description("> 0"))
      ->capture_default_str();
  return {flags, [options, &globals] { study_noise(*options, globals); }};
}

}  // namespace sda::app
