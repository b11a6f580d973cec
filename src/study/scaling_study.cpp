// What accuracy and cost become with longer trajectories, wider windows and more corrections.
#include <fmt/format.h>

#include <optional>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/guidance/likelihood_rule.hpp"
#include "sda/prior/scores.hpp"
#include "sda/study/studies.hpp"

namespace sda {
namespace {

struct Scaled {
  std::int64_t length, order, corrections;
  double passes = 0, windows = 0;
  Nearness near{};
  double cost() const { return passes * windows; }
};

std::vector<PlotPanel> scaling_panels(const std::vector<Scaled>& all, const ScalingStudy& study) {
  PlotPanel over_length{.title = "longer trajectories",
                        .x_axis = "states",
                        .y_axis = "error over the posterior's spread",
                        .log_y = true,
                        .curves = {}};
  PlotPanel over_cost{.title = fmt::format("{} states", study.lengths.back()),
                      .x_axis = "windows through the network, forward and back",
                      .y_axis = "error over the posterior's spread",
                      .log_x = true,
                      .log_y = true,
                      .curves = {}};
  for (const std::int64_t order : study.orders) {
    PlotCurve of_cost{.name = fmt::format("k = {}", order), .x = {}, .y = {}};
    for (const std::int64_t corrections : study.corrections) {
      PlotCurve of_length{.name = fmt::format("k = {}, C = {}", order, corrections), .x = {}, .y = {}};
      for (const auto& one : all) {
        if (one.order != order || one.corrections != corrections) continue;
        of_length.x.push_back(static_cast<double>(one.length));
        of_length.y.push_back(one.near.error);
        if (one.length != study.lengths.back()) continue;
        of_cost.x.push_back(one.cost());
        of_cost.y.push_back(one.near.error);
      }
      if (!of_length.x.empty()) over_length.curves.push_back(std::move(of_length));
    }
    if (!of_cost.x.empty()) over_cost.curves.push_back(std::move(of_cost));
  }
  if (over_cost.curves.empty()) return {over_length};
  return {over_length, over_cost};
}

}  // namespace

StudyResult study_scaling(const StudySubject& subject, const ScalingStudy& study, const StudyOutput& output) {
  const Experiment& experiment = subject.experiment;
  const auto chain = linear_chain(experiment.dynamics);
  const StationaryProcess process = stationary_process(*chain);
  const TableRow columns = followed_by(TableRow{"passes", "windows"}, Nearness::names());
  StudyTable table(output, "sizes", {"length", "k", "corrections"}, columns, subject.config());

  std::vector<Scaled> all;
  for (const std::int64_t length : study.lengths) {
    for (const std::int64_t order : study.orders) {
      for (const std::int64_t corrections : study.corrections) {
        if (2 * order + 1 <= length) all.push_back({length, order, corrections});
      }
    }
  }
  if (all.empty()) {
    throw UsageError({.what = "no window of these orders fits in a trajectory of these lengths",
                      .where = "--k, --length",
                      .expected = "2k+1 ≤ length for one of them"});
  }
  table.expect(std::ssize(all));
  std::vector<TableRow> rows{
      {"states", "k", "C", "passes", "windows", "error", "RMSE", "spread", "in 50 %", "in 90 %"}};
  // Numbers of corrections share the score of a length and an order.
  std::optional<AffinePosterior> score;
  const Scaled* of = nullptr;
  for (auto& one : all) {
    const TableRow key{fmt::format("{}", one.length), fmt::format("{}", one.order), fmt::format("{}", one.corrections)};
    const auto numbers = table.row(key, [&]() -> std::vector<double> {
      const Observations observed = subject.unread(chain->layout(), chain->normalisation(), one.length);
      if (of == nullptr || of->length != one.length || of->order != one.order) {
        score.emplace(exact_score(process, subject.schedule, one.length, one.order), subject.schedule, observed,
                      experiment.guidance);
        of = &one;
      }
      const LinearPosterior truth = linear_posterior(process.covariance(one.length), score->observations());
      SamplerParameters sampler = experiment.sampler;
      sampler.corrections = one.corrections;
      const std::int64_t evaluations = Sampler(subject.schedule, sampler).evaluations();
      const std::int64_t each = passes(experiment.guidance, score->observations().offset.numel());
      const auto windows = plan_windows(one.order, 1, one.length).starts.size();
      const auto near = Nearness::of(propagate_moments(*score, sampler, truth.of_observations), truth);
      return followed_by({static_cast<double>(evaluations * each), static_cast<double>(windows)}, near.numbers());
    });
    one.passes = numbers[0], one.windows = numbers[1];
    one.near = Nearness::from(numbers, 2);
    const TableRow costs{fmt::format("{:.0f}", one.passes), fmt::format("{:.0f}", one.windows)};
    rows.push_back(followed_by(followed_by(key, costs), one.near.cells()));
  }
  return table.finish(aligned(rows, 0) + "\n",
                      fmt::format("Scaling: {}, observation {}", experiment.dynamics.system, subject.name),
                      scaling_panels(all, study),
                      "A pass takes every window of the trajectory through the network once, forward or back.");
}

}  // namespace sda
