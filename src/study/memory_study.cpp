// States that are no Markov chain, because part of them is hidden or acts later. Where windows
// break.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/study/studies.hpp"
#include "sda/study/windows.hpp"

namespace sda {
namespace {

/// A process of the states that are seen, by name.
struct Seen {
  std::string name;
  StationaryProcess process;
  std::vector<double> windows{};  ///< largest error of the mean over t, for each k but full
  std::vector<Nearness> near{};
};

std::vector<Seen> memory_processes(const MemoryStudy& study, const Experiment& experiment) {
  std::vector<Seen> all;
  if (!study.seen.empty()) {
    all.push_back({"seen", stationary_process(*linear_chain(experiment.dynamics)).seen(study.seen)});
    return all;
  }
  for (const std::int64_t delay : study.delays) {
    const auto process = stationary_process(delay_chain(study.now, study.later, delay));
    all.push_back({fmt::format("delay {}", delay), process.seen({0})});
  }
  return all;
}

StateLayout layout_seen(std::int64_t dimension) {
  StateLayout layout{.event = {dimension}, .variables = {}, .space_names = {}};
  for (std::int64_t c = 0; c < dimension; ++c) layout.variables.push_back({fmt::format("x{}", c), "component seen"});
  return layout;
}

double largest_mean_error(const WindowComparison& comparison, std::int64_t order) {
  double largest = 0;
  for (const double t : {0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}) {
    largest = std::max(largest, comparison.error(order, 1, t).mean);
  }
  return largest;
}

std::vector<PlotPanel> memory_panels(const MemoryStudy& study, const std::vector<Seen>& all) {
  PlotPanel windows{.title = "composed score, largest over t",
                    .x_axis = "k",
                    .y_axis = "error of the mean over what x(t) leaves open",
                    .log_y = true,
                    .curves = {}};
  PlotPanel posterior{.title = "posterior as sampled",
                      .x_axis = "k",
                      .y_axis = "error over the posterior's spread",
                      .log_y = true,
                      .curves = {}};
  for (const auto& one : all) {
    PlotCurve of_windows{.name = one.name, .x = {}, .y = {}}, of_posterior{.name = one.name, .x = {}, .y = {}};
    for (std::size_t i = 0; i < study.orders.size(); ++i) {
      const auto order = parse_order(study.orders[i], "--k");
      if (order == full_score) continue;
      of_windows.x.push_back(static_cast<double>(order));
      of_windows.y.push_back(one.windows[i]);
      of_posterior.x.push_back(static_cast<double>(order));
      of_posterior.y.push_back(one.near[i].error);
    }
    if (of_windows.x.empty()) continue;
    windows.curves.push_back(std::move(of_windows));
    posterior.curves.push_back(std::move(of_posterior));
  }
  return {windows, posterior};
}

}  // namespace

StudyResult study_memory(const StudySubject& subject, const MemoryStudy& study, const StudyOutput& output) {
  const Experiment& experiment = subject.experiment;
  const TableRow columns = followed_by(TableRow{"windows"}, Nearness::names());
  StudyTable table(
      output, "windows", {"process", "k"}, columns,
      fmt::format("seen = [{}]\nnow = {}\nlater = {}\n", fmt::join(study.seen, ", "), study.now, study.later) +
          subject.config());
  auto all = memory_processes(study, experiment);
  table.expect(std::ssize(all) * std::ssize(study.orders));

  std::vector<TableRow> rows{{"process", "k", "windows", "error", "RMSE", "spread", "in 50 %", "in 90 %"}};
  for (auto& one : all) {
    const std::int64_t dimension = one.process.dimension();
    const Observations observed =
        subject.unread(layout_seen(dimension), Normalisation::identity({dimension}), subject.observation.length);
    const LinearPosterior truth =
        linear_posterior(one.process.covariance(observed.length), linear_observations(observed));
    const WindowComparison comparison(one.process, subject.schedule, observed.length);
    for (const auto& text : study.orders) {
      const std::int64_t order = parse_order(text, "--k");
      const auto numbers = table.row({one.name, text}, [&]() -> std::vector<double> {
        const AffinePosterior score(exact_score(one.process, subject.schedule, observed.length, order),
                                    subject.schedule, observed, experiment.guidance);
        const double of_windows = order == full_score ? 0 : largest_mean_error(comparison, order);
        const auto near = Nearness::of(propagate_moments(score, experiment.sampler, truth.of_observations), truth);
        return followed_by({of_windows}, near.numbers());
      });
      one.windows.push_back(numbers[0]);
      one.near.push_back(Nearness::from(numbers, 1));
      rows.push_back(followed_by({one.name, text, short_number(numbers[0])}, one.near.back().cells()));
    }
  }
  return table.finish(
      aligned(rows, 1) + "\n",
      study.seen.empty() ? fmt::format("Memory: x(i+1) = {} x(i) + {} x(i − delay) + noise", study.now, study.later)
                         : "Memory: components seen of " + experiment.dynamics.system,
      memory_panels(study, all),
      "Left: score alone. Right: posterior by MMPS and the sampler of the configuration, whose own error is "
      "the floor.");
}

}  // namespace sda
