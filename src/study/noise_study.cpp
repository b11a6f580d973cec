// The noise that is assumed against the noise there is, of another size or with heavy tails.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <map>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"
#include "sda/study/noise.hpp"
#include "sda/study/studies.hpp"

namespace sda {
namespace {

/// The noise there is: gaussian, contaminated:SHARE:FACTOR or student:DEGREES.
enum class Tails { gaussian, contaminated, student };
constexpr auto choice_names(Tails) {
  return std::array{"gaussian", "contaminated", "student"};
}
constexpr std::array<std::size_t, 3> numbers_of_tails{0, 2, 1};

Tensor scales_of(const NoiseStudy& study, const std::string& tails, std::int64_t observations, std::uint64_t seed) {
  const std::string expected = "gaussian, contaminated:SHARE:FACTOR or student:DEGREES";
  const auto words = between_colons(tails);
  const auto known = choice_of<Tails>(words[0]);
  if (!known || words.size() != 1 + numbers_of_tails.at(static_cast<std::size_t>(*known))) {
    throw UsageError({.what = "not understood", .where = "--tails", .found = tails, .expected = expected});
  }
  const auto number = [&](std::size_t word) { return parse_number(words[word], "--tails", expected); };
  switch (*known) {
    case Tails::contaminated:
      return contaminated_scales(study.draws, observations, number(1), number(2), seed);
    case Tails::student:
      return student_scales(study.draws, observations, std::lround(number(1)), seed);
    case Tails::gaussian:
      break;
  }
  return gaussian_scales(1, observations);
}

/// Verdicts over the noise assumed.
struct UnderTails {
  std::string tails;
  std::vector<NoiseVerdict> verdicts;
};

std::vector<PlotPanel> noise_panels(const NoiseStudy& study, const std::vector<UnderTails>& all) {
  const std::string axis = "noise assumed over the true noise's core";
  PlotPanel rmse{.title = "error of the mean",
                 .x_axis = axis,
                 .y_axis = "RMSE over the best there is",
                 .log_x = true,
                 .curves = {}};
  PlotPanel coverage{
      .title = "truths in the central 90 %", .x_axis = axis, .y_axis = "share", .log_x = true, .curves = {}};
  for (const auto& under : all) {
    PlotCurve of_rmse{.name = under.tails, .x = study.assumed, .y = {}};
    PlotCurve of_coverage = of_rmse;
    for (const auto& verdict : under.verdicts) {
      of_rmse.y.push_back(verdict.rmse);
      of_coverage.y.push_back(verdict.coverage90);
    }
    rmse.curves.push_back(std::move(of_rmse));
    coverage.curves.push_back(std::move(of_coverage));
  }
  PlotCurve expected{.name = "calibrated", .x = {study.assumed.front(), study.assumed.back()}, .y = {0.9, 0.9}};
  expected.reference = true;
  coverage.curves.push_back(std::move(expected));
  return {rmse, coverage};
}

}  // namespace

StudyResult study_noise(const StudySubject& subject, const NoiseStudy& study, const StudyOutput& output) {
  const Experiment& experiment = subject.experiment;
  const auto chain = linear_chain(experiment.dynamics);
  const StationaryProcess process = stationary_process(*chain);
  const auto observed = [&](double factor) { return subject.unread(*chain, factor); };
  const LinearObservations observations = linear_observations(observed(1));
  const Tensor covariance = process.covariance(subject.observation.length);
  const std::int64_t order = parse_order(study.order, "--k");

  StudyTable table(output, "noises", {"tails", "assumed"}, {"rmse", "spread", "coverage_50", "coverage_90"},
                   fmt::format("k = \"{}\"\ndraws = {}\n", study.order, study.draws) + subject.config());
  table.expect(std::ssize(study.tails) * std::ssize(study.assumed));
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
  for (const auto& tails : study.tails) {
    const Tensor scales = scales_of(study, tails, observations.offset.numel(), output.seed);
    all.push_back({tails, {}});
    for (const double factor : study.assumed) {
      const auto n = table.row({tails, fmt::format("{}", factor)}, [&]() -> std::vector<double> {
        const NoiseVerdict v = judge_under_noise(ensemble(factor), covariance, observations, scales);
        return {v.rmse, v.spread, v.coverage50, v.coverage90};
      });
      all.back().verdicts.push_back({n[0], n[1], n[2], n[3]});
      rows.push_back({tails, fmt::format("{}", factor)});
      for (const double number : n) rows.back().push_back(fmt::format("{:.3f}", number));
    }
  }
  return table.finish(
      aligned(rows, 1) + "\n",
      fmt::format("Noise that is not as assumed: {}, observation {}", experiment.dynamics.system, subject.name),
      noise_panels(study, all),
      "RMSE of the ensemble's mean over that of a posterior that knows the noise of each observation.");
}

}  // namespace sda
