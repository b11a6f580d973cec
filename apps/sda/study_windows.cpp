/// sda study blanket: the composed score against the trajectory's own, as a function of k, t, L and stride.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sda/core/error.hpp"
#include "sda/prior/scores.hpp"
#include "sda/study/windows.hpp"
#include "study.hpp"

namespace sda::app {
namespace {

struct WindowsOptions : StudyFlags {
  std::string data;
  std::vector<std::int64_t> orders{1, 2, 4, 8}, strides{1, 2}, lengths{33, 65};
  std::vector<double> times{0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
  double tolerance = 0.02;
};

/// One blanket: its errors at every time.
struct Blanket {
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

std::vector<Blanket> measured(const WindowsOptions& options, StudyTable& table, const StationaryProcess& process,
                              const NoiseSchedule& schedule) {
  std::vector<Blanket> all;
  for (const std::int64_t length : options.lengths) {
    for (const std::int64_t order : options.orders) {
      for (const std::int64_t stride : options.strides) {
        if (2 * order + 1 <= length && stride <= 2 * order + 1) all.push_back({order, stride, length, {}, {}, {}});
      }
    }
  }
  if (all.empty()) {
    throw UsageError({.what = "no window of these orders and strides fits in a trajectory of these lengths",
                      .where = "--k, --stride, --length",
                      .expected = "2k+1 ≤ length and stride ≤ 2k+1 for one of them"});
  }
  table.expect(std::ssize(all) * std::ssize(options.times));
  std::optional<WindowComparison> comparison;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Blanket& one = all[i];
    if (i == 0 || one.length != all[i - 1].length) comparison.emplace(process, schedule, one.length);
    for (const double t : options.times) {
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

std::string text_of(const std::vector<Blanket>& all, const std::vector<double>& times) {
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
std::vector<PlotPanel> panels_of(const std::vector<Blanket>& all, const WindowsOptions& options) {
  PlotPanel over_time{.title = fmt::format("stride {}, {} states", all.front().stride, all.front().length),
                      .x_axis = "t",
                      .y_axis = "error of the score",
                      .log_y = true,
                      .curves = {}};
  PlotPanel over_order{
      .title = "largest over t", .x_axis = "k", .y_axis = "error of the score", .log_y = true, .curves = {}};
  for (const auto& one : all) {
    if (one.stride != all.front().stride || one.length != all.front().length) continue;
    over_time.curves.push_back({.name = fmt::format("k = {}", one.order), .x = options.times, .y = one.score});
  }
  for (const std::int64_t length : options.lengths) {
    for (const std::int64_t stride : options.strides) {
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
std::string advice(const std::vector<Blanket>& all, double tolerance) {
  const Blanket* best = nullptr;
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

void study_blanket(const WindowsOptions& options, const Globals& globals) {
  const Experiment experiment = study_experiment(options, globals);
  const bool of_data = !options.data.empty();
  const StationaryProcess process =
      of_data ? process_of_data(options.data) : stationary_process(*linear_chain(experiment.dynamics));
  const std::string config = of_data
                                 ? fmt::format("data = {}\n", options.data) + sections_toml(experiment, {"schedule"})
                                 : sections_toml(experiment, {"dynamics", "schedule"});
  StudyTable table(options, globals, "blankets", {"k", "stride", "length", "t"},
                   {"score_error", "worst_state_error", "loss", "mean_error"}, config);
  const auto all = measured(options, table, process, NoiseSchedule(experiment.schedule));
  print(text_of(all, options.times));
  const std::string said = advice(all, options.tolerance);
  say("\n" + said);
  table.finish("Pseudo-blanket: " + (of_data ? "Gaussian process of " + options.data : experiment.dynamics.system),
               panels_of(all, options), said);
}

}  // namespace

Subcommand windows_study(CLI::App& study, Globals& globals) {
  auto options = std::make_shared<WindowsOptions>();
  CLI::App* flags = add_study(study, "blanket", "How wrong the composed score is, as a function of k, t, L and stride",
                              "-o run/blanket --k 1,2,3,4 --length 65\n"
                              "  sda study blanket --data run/data/train.nc -o run/windows_of_data",
                              *options);
  flags
      ->add_option("--data", options->data,
                   "trajectories: the Gaussian process with their autocovariances takes the place of the chain")
      ->type_name(value::file);
  add_list(*flags, "--k", options->orders, "orders: windows of 2k+1 states")
      ->check(CLI::PositiveNumber.description("> 0"));
  add_list(*flags, "--stride", options->strides, "states that a window gives")
      ->check(CLI::PositiveNumber.description("> 0"));
  add_list(*flags, "--length", options->lengths, "states of a trajectory")
      ->check(CLI::PositiveNumber.description("> 0"));
  add_list(*flags, "--times", options->times, "t")->check(CLI::Range(0.0, 1.0).description("0 to 1"));
  flags->add_option("--tolerance", options->tolerance, "error of the mean that is small enough, for the advice")
      ->check(CLI::PositiveNumber.description("> 0"))
      ->capture_default_str();
  return {flags, [options, &globals] { study_blanket(*options, globals); }};
}

}  // namespace sda::app
