/// sda study misspecified: a prior of other parameters than the truth's. How wrong posteriors become, by the prior's
/// fault alone and as sampled.
#include <fmt/format.h>

#include "sda/core/error.hpp"
#include "study.hpp"

namespace sda::app {
namespace {

struct MisspecifiedOptions : StudyFlags {
  std::string key = "angle";
  std::vector<double> values{0.2, 0.25, 0.28, 0.29, 0.3, 0.31, 0.32, 0.35, 0.4};
  std::vector<std::string> orders{"1", "2", "4", "full"};
};

/// What priors of one order do, over the values they believe in.
struct Believers {
  std::string order;
  std::vector<Nearness> near;
};

/// The experiment whose prior believes in another value.
Experiment believing(Experiment experiment, const std::string& key, double value) {
  apply_overrides(experiment, {{.assignment = fmt::format("dynamics.{}={}", key, value), .flag = "--vary " + key}});
  return experiment;
}

std::vector<PlotPanel> misspecified_panels(const MisspecifiedOptions& options, const std::vector<Believers>& all) {
  PlotPanel error{.title = "error of the posterior",
                  .x_axis = options.key + " that the prior believes in",
                  .y_axis = "error over the posterior's spread",
                  .log_y = true,
                  .curves = {}};
  PlotPanel coverage{.title = "truths in the central 90 %",
                     .x_axis = options.key + " that the prior believes in",
                     .y_axis = "share",
                     .curves = {}};
  for (const auto& believers : all) {
    const std::string name = believers.order == "exact" ? "inference without error" : "k = " + believers.order;
    PlotCurve of_error{.name = name, .x = options.values, .y = {}};
    PlotCurve of_coverage = of_error;
    of_error.reference = of_coverage.reference = believers.order == "exact";
    for (const auto& near : believers.near) {
      of_error.y.push_back(near.error);
      of_coverage.y.push_back(near.coverage90);
    }
    error.curves.push_back(std::move(of_error));
    coverage.curves.push_back(std::move(of_coverage));
  }
  return {error, coverage};
}

void study_misspecified(const MisspecifiedOptions& options, const Globals& globals) {
  const StudySubject subject(options, globals, /*advised=*/true);
  const Experiment& experiment = subject.experiment;
  const auto chain = linear_chain(experiment.dynamics);
  const Observations observed = subject.unread(*chain);
  const LinearObservations observations = linear_observations(observed);
  const LinearPosterior truth = linear_posterior(stationary_process(*chain).covariance(observed.length), observations);

  StudyTable table(options, globals, "priors", {options.key, "k"}, Nearness::names(), subject.config());
  std::vector<std::string> orders{"exact"};
  for (const auto& order : options.orders) {
    parse_order(order, "--k");
    orders.push_back(order);
  }
  table.expect(std::ssize(orders) * std::ssize(options.values));
  std::vector<Believers> all;
  std::vector<TableRow> rows{{"k", options.key, "error", "RMSE", "spread", "in 50 %", "in 90 %"}};
  for (const auto& order : orders) {
    all.push_back({order, {}});
    for (const double value : options.values) {
      const auto numbers = table.row({fmt::format("{}", value), order}, [&]() -> std::vector<double> {
        const auto other = linear_chain(believing(experiment, options.key, value).dynamics);
        // Departures are of the truth's normalised states: so are those that the prior knows.
        const StationaryProcess prior = stationary_process(*other, chain->normalisation());
        if (order == "exact") {
          const LinearPosterior wrong = linear_posterior(prior.covariance(observed.length), observations);
          return Nearness::of({wrong.gain, wrong.covariance}, truth).numbers();
        }
        const AffinePosterior score(exact_score(prior, subject.schedule, observed.length, parse_order(order, "--k")),
                                    subject.schedule, observed, experiment.guidance);
        return Nearness::of(propagate_moments(score, experiment.sampler, truth.of_observations), truth).numbers();
      });
      all.back().near.push_back(Nearness::from(numbers));
      rows.push_back(followed_by({order, fmt::format("{}", value)}, all.back().near.back().cells()));
    }
  }
  print(aligned(rows, 1) + "\n");
  table.finish(fmt::format("A prior that believes in another {}: {}, observation {}", options.key,
                           experiment.dynamics.system, subject.name),
               misspecified_panels(options, all),
               "Grey: exact inference with the wrong prior, what no sampler can better.");
}

}  // namespace

Subcommand misspecified_study(CLI::App& study, Globals& globals) {
  auto options = std::make_shared<MisspecifiedOptions>();
  CLI::App* flags = add_study(study, "misspecified", "A prior of other parameters than the truth's",
                              "-o run/misspecified --vary r --values 0.9,0.95,0.97,0.98,0.99", *options);
  flags->add_option("--vary", options->key, "key of [dynamics] that the prior has another value of")
      ->capture_default_str();
  add_list(*flags, "--values", options->values, "that the prior believes in; the truth's is the configuration's");
  add_list(*flags, "--k", options->orders, "orders of the windows, or full");
  return {flags, [options, &globals] { study_misspecified(*options, globals); }};
}

}  // namespace sda::app
