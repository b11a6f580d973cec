/// sda study memory: states that are no Markov chain, because part of them is hidden or acts later. Where windows
/// break.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sda/core/error.hpp"
#include "sda/study/windows.hpp"
#include "study.hpp"

namespace sda::app {
namespace {

struct MemoryOptions : StudyFlags {
  std::vector<std::int64_t> delays{0, 1, 2, 4, 8}, seen;
  std::vector<std::string> orders{"1", "2", "3", "4", "6", "8", "10", "full"};
  double now = 0.3, later = 0.65;
};

/// A process of the states that are seen, by name.
struct Seen {
  std::string name;
  StationaryProcess process;
  std::vector<double> blanket{};  ///< largest error of the mean over t, for each k but full
  std::vector<Nearness> near{};
};

std::vector<Seen> processes(const MemoryOptions& options, const Experiment& experiment) {
  std::vector<Seen> all;
  if (!options.seen.empty()) {
    all.push_back({"seen", stationary_process(*linear_chain(experiment.dynamics)).seen(options.seen)});
    return all;
  }
  for (const std::int64_t delay : options.delays) {
    const auto process = stationary_process(delay_chain(options.now, options.later, delay));
    all.push_back({fmt::format("delay {}", delay), process.seen({0})});
  }
  return all;
}

StateLayout layout_of(std::int64_t dimension) {
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

std::vector<PlotPanel> memory_panels(const MemoryOptions& options, const std::vector<Seen>& all) {
  PlotPanel blanket{.title = "pseudo-blanket, largest over t",
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
    PlotCurve of_blanket{.name = one.name, .x = {}, .y = {}}, of_posterior{.name = one.name, .x = {}, .y = {}};
    for (std::size_t i = 0; i < options.orders.size(); ++i) {
      const auto order = parse_order(options.orders[i], "--k");
      if (order == full_score) continue;
      of_blanket.x.push_back(static_cast<double>(order));
      of_blanket.y.push_back(one.blanket[i]);
      of_posterior.x.push_back(static_cast<double>(order));
      of_posterior.y.push_back(one.near[i].error);
    }
    if (of_blanket.x.empty()) continue;
    blanket.curves.push_back(std::move(of_blanket));
    posterior.curves.push_back(std::move(of_posterior));
  }
  return {blanket, posterior};
}

void study_memory(const MemoryOptions& options, const Globals& globals) {
  const StudySubject subject(options, globals, /*advised=*/true);
  const Experiment& experiment = subject.experiment;
  if (!options.config.empty() && options.seen.empty()) {
    throw UsageError({.what = "which components of the chain are seen?", .where = "--seen", .expected = "0, say"});
  }
  const TableRow columns = followed_by(TableRow{"blanket"}, Nearness::names());
  StudyTable table(
      options, globals, "blankets", {"process", "k"}, columns,
      fmt::format("seen = [{}]\nnow = {}\nlater = {}\n", fmt::join(options.seen, ", "), options.now, options.later) +
          subject.config());
  auto all = processes(options, experiment);
  table.expect(std::ssize(all) * std::ssize(options.orders));

  std::vector<TableRow> rows{{"process", "k", "blanket", "error", "RMSE", "spread", "in 50 %", "in 90 %"}};
  for (auto& one : all) {
    const std::int64_t dimension = one.process.dimension();
    const Observations observed =
        subject.unread(layout_of(dimension), Normalisation::identity({dimension}), subject.observation.length);
    const LinearPosterior truth =
        linear_posterior(one.process.covariance(observed.length), linear_observations(observed));
    const WindowComparison comparison(one.process, subject.schedule, observed.length);
    for (const auto& text : options.orders) {
      const std::int64_t order = parse_order(text, "--k");
      const auto numbers = table.row({one.name, text}, [&]() -> std::vector<double> {
        const AffinePosterior score(exact_score(one.process, subject.schedule, observed.length, order),
                                    subject.schedule, observed, experiment.guidance);
        const double of_blanket = order == full_score ? 0 : largest_mean_error(comparison, order);
        const auto near = Nearness::of(propagate_moments(score, experiment.sampler, truth.of_observations), truth);
        return followed_by({of_blanket}, near.numbers());
      });
      one.blanket.push_back(numbers[0]);
      one.near.push_back(Nearness::from(numbers, 1));
      rows.push_back(followed_by({one.name, text, short_number(numbers[0])}, one.near.back().cells()));
    }
  }
  print(aligned(rows, 1) + "\n");
  table.finish(options.seen.empty()
                   ? fmt::format("Memory: x(i+1) = {} x(i) + {} x(i − delay) + noise", options.now, options.later)
                   : "Memory: components seen of " + experiment.dynamics.system,
               memory_panels(options, all),
               "Left: score alone. Right: posterior by MMPS and the sampler of the configuration, whose own error is "
               "the floor.");
}

}  // namespace

Subcommand memory_study(CLI::App& study, Globals& globals) {
  auto options = std::make_shared<MemoryOptions>();
  CLI::App* flags = add_study(study, "memory", "States that are no Markov chain: hidden parts, delays",
                              "-o run/memory --delays 0,2,4 --k 1,2,3,4,5,6\n"
                              "  sda study memory chain.toml --seen 0 -o run/hidden",
                              *options);
  add_list(*flags, "--delays", options->delays, "of chains x(i+1) = a x(i) + b x(i − delay) + noise")
      ->check(CLI::NonNegativeNumber);
  flags->add_option("--now", options->now, "a")->capture_default_str();
  flags->add_option("--later", options->later, "b")->capture_default_str();
  add_list(*flags, "--seen", options->seen, "components seen of the configuration's chain, in place of delays");
  add_list(*flags, "--k", options->orders, "orders of the windows, or full");
  return {flags, [options, &globals] { study_memory(*options, globals); }};
}

}  // namespace sda::app
