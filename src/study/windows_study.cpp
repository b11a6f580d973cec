// The composed score against the trajectory's own, as a function of k, t, L and stride.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/data/files.hpp"
#include "sda/prior/scores.hpp"
#include "sda/study/studies.hpp"
#include "sda/study/windows.hpp"

namespace sda {
namespace {

/// Windows of one order, stride and length: their errors at every time.
struct WindowErrors {
  std::int64_t order, stride, length;
  std::vector<double> score, worst_state, mean;

  double largest() const { return *std::max_element(score.begin(), score.end()); }
  double largest_mean() const { return *std::max_element(mean.begin(), mean.end()); }
};

/// Of trajectories, the Gaussian process with their means, variances and autocovariances.
StationaryProcess process_of_data(const std::string& path) {
  const TrajectoryFile file = read_trajectories(path);
  return empirical_process(file.normalisation.normalise(file.trajectories.states));
}

std::vector<WindowErrors> measure_windows(const WindowsStudy& study, StudyTable& table,
                                          const StationaryProcess& process, const NoiseSchedule& schedule) {
  std::vector<WindowErrors> all;
  for (const std::int64_t length : study.lengths) {
    for (const std::int64_t order : study.orders) {
      for (const std::int64_t stride : study.strides) {
        if (2 * order + 1 <= length && stride <= 2 * order + 1) all.push_back({order, stride, length, {}, {}, {}});
      }
    }
  }
  if (all.empty()) {
    throw UsageError({.what = "no window of these orders and strides fits in a trajectory of these lengths",
                      .where = "--k, --stride, --length",
                      .expected = "2k+1 ≤ length and stride ≤ 2k+1 for one of them"});
  }
  table.expect(std::ssize(all) * std::ssize(study.times));
  std::optional<WindowComparison> comparison;
  for (std::size_t i = 0; i < all.size(); ++i) {
    WindowErrors& one = all[i];
    if (i == 0 || one.length != all[i - 1].length) comparison.emplace(process, schedule, one.length);
    for (const double t : study.times) {
      const TableRow key{fmt::format("{}", one.order), fmt::format("{}", one.stride), fmt::format("{}", one.length),
                         fmt::format("{}", t)};
      const auto numbers = table.row(key, [&]() -> std::vector<double> {
        const WindowError e = comparison->error(one.order, one.stride, t);
        return {e.score, e.worst_state, e.loss, e.mean};
      });
      one.score.push_back(numbers[0]);
      one.worst_state.push_back(numbers[1]);
      one.mean.push_back(numbers[3]);
    }
  }
  return all;
}

std::string windows_text(const std::vector<WindowErrors>& all, const std::vector<double>& times) {
  std::vector<TableRow> rows{
      {"k", "stride", "length", "windows", "largest error", "at t", "of one state", "of the mean"}};
  for (const auto& one : all) {
    const auto largest = std::max_element(one.score.begin(), one.score.end());
    const auto windows = std::ssize(plan_windows(one.order, one.stride, one.length).starts);
    rows.push_back({fmt::format("{}", one.order), fmt::format("{}", one.stride), fmt::format("{}", one.length),
                    fmt::format("{}", windows), short_number(*largest),
                    fmt::format("{}", times[static_cast<std::size_t>(largest - one.score.begin())]),
                    short_number(*std::max_element(one.worst_state.begin(), one.worst_state.end())),
                    short_number(one.largest_mean())});
  }
  return aligned(rows, 0);
}

/// Errors over t for every k, and the largest error over k.
std::vector<PlotPanel> windows_panels(const std::vector<WindowErrors>& all, const WindowsStudy& study) {
  PlotPanel over_time{.title = fmt::format("stride {}, {} states", all.front().stride, all.front().length),
                      .x_axis = "t",
                      .y_axis = "error of the score",
                      .log_y = true,
                      .curves = {}};
  PlotPanel over_order{
      .title = "largest over t", .x_axis = "k", .y_axis = "error of the score", .log_y = true, .curves = {}};
  for (const auto& one : all) {
    if (one.stride != all.front().stride || one.length != all.front().length) continue;
    over_time.curves.push_back({.name = fmt::format("k = {}", one.order), .x = study.times, .y = one.score});
  }
  for (const std::int64_t length : study.lengths) {
    for (const std::int64_t stride : study.strides) {
      PlotCurve curve{.name = fmt::format("stride {}, {} states", stride, length), .x = {}, .y = {}};
      for (const auto& one : all) {
        if (one.stride != stride || one.length != length) continue;
        curve.x.push_back(static_cast<double>(one.order));
        curve.y.push_back(one.largest());
      }
      if (!curve.x.empty()) over_order.curves.push_back(std::move(curve));
    }
  }
  return {over_time, over_order};
}

/// The smallest k that is near enough, of stride 1 or the smallest asked for.
std::string windows_advice(const std::vector<WindowErrors>& all, double tolerance) {
  const WindowErrors* best = nullptr;
  for (const auto& one : all) {
    if (one.stride != all.front().stride || one.largest_mean() > tolerance) continue;
    if (best == nullptr || one.order < best->order) best = &one;
  }
  if (best == nullptr) {
    return fmt::format("No k asked for keeps the mean's error below {} of what x(t) leaves open at all t.", tolerance);
  }
  return fmt::format(
      "k = {} is the smallest whose error of the mean stays below {} of what x(t) leaves open, at all t.", best->order,
      tolerance);
}

}  // namespace

StudyResult study_windows(const Experiment& experiment, const WindowsStudy& study, const StudyOutput& output) {
  const bool of_data = !study.data.empty();
  const StationaryProcess process =
      of_data ? process_of_data(study.data) : stationary_process(*linear_chain(experiment.dynamics));
  const std::string config = of_data ? fmt::format("data = {}\n", study.data) + sections_toml(experiment, {"schedule"})
                                     : sections_toml(experiment, {"dynamics", "schedule"});
  StudyTable table(output, "windows", {"k", "stride", "length", "t"},
                   {"score_error", "worst_state_error", "loss", "mean_error"}, config);
  const auto all = measure_windows(study, table, process, NoiseSchedule(experiment.schedule));
  const std::string said = windows_advice(all, study.tolerance);
  return table.finish(windows_text(all, study.times) + "\n" + said + "\n",
                      "Windows: " + (of_data ? "Gaussian process of " + study.data : experiment.dynamics.system),
                      windows_panels(all, study), said);
}

}  // namespace sda
