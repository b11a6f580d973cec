// A prior of other parameters than the truth's. How wrong posteriors become, by the prior's
// fault alone and as sampled.
#include <fmt/format.h>

#include <optional>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/study/studies.hpp"

namespace sda {
namespace {

/// What priors of one order do, over the values they believe in; without an order, inference without error.
struct Believers {
  std::optional<std::string> order;
  std::vector<Nearness> near;
};

/// The experiment whose prior believes in another value.
Experiment believing_in(Experiment experiment, const std::string& key, double value) {
  apply_overrides(experiment, {{.assignment = fmt::format("dynamics.{}={}", key, value), .flag = "--vary " + key}});
  return experiment;
}

std::vector<PlotPanel> misspecified_panels(const MisspecifiedStudy& study, const std::vector<Believers>& all) {
  PlotPanel error{.title = "error of the posterior",
                  .x_axis = study.key + " that the prior believes in",
                  .y_axis = "error over the posterior's spread",
                  .log_y = true,
                  .curves = {}};
  PlotPanel coverage{.title = "truths in the central 90 %",
                     .x_axis = study.key + " that the prior believes in",
                     .y_axis = "share",
                     .curves = {}};
  for (const auto& believers : all) {
    const std::string name = believers.order ? "k = " + *believers.order : "inference without error";
    PlotCurve of_error{.name = name, .x = study.values, .y = {}};
    PlotCurve of_coverage = of_error;
    of_error.reference = of_coverage.reference = !believers.order;
    for (const auto& near : believers.near) {
      of_error.y.push_back(near.error);
      of_coverage.y.push_back(near.coverage90);
    }
    error.curves.push_back(std::move(of_error));
    coverage.curves.push_back(std::move(of_coverage));
  }
  return {error, coverage};
}

}  // namespace

StudyResult study_misspecified(const StudySubject& subject, const MisspecifiedStudy& study, const StudyOutput& output) {
  const Experiment& experiment = subject.experiment;
  const auto chain = linear_chain(experiment.dynamics);
  const Observations observed = subject.unread(*chain);
  const LinearObservations observations = linear_observations(observed);
  const LinearPosterior truth = linear_posterior(stationary_process(*chain).covariance(observed.length), observations);

  StudyTable table(output, "priors", {study.key, "k"}, Nearness::names(), subject.config());
  std::vector<std::optional<std::string>> orders{std::nullopt};
  for (const auto& order : study.orders) {
    parse_order(order, "--k");
    orders.push_back(order);
  }
  table.expect(std::ssize(orders) * std::ssize(study.values));
  std::vector<Believers> all;
  std::vector<TableRow> rows{{"k", study.key, "error", "RMSE", "spread", "in 50 %", "in 90 %"}};
  for (const auto& order : orders) {
    all.push_back({order, {}});
    for (const double value : study.values) {
      const auto numbers = table.row({fmt::format("{}", value), order.value_or("exact")}, [&]() -> std::vector<double> {
        const auto other = linear_chain(believing_in(experiment, study.key, value).dynamics);
        // Observations are of the truth's normalised states: so are those that the prior knows.
        const StationaryProcess prior = stationary_process(*other, chain->normalisation());
        if (!order) {
          const LinearPosterior wrong = linear_posterior(prior.covariance(observed.length), observations);
          return Nearness::of({wrong.gain, wrong.covariance}, truth).numbers();
        }
        const AffinePosterior score(exact_score(prior, subject.schedule, observed.length, parse_order(*order, "--k")),
                                    subject.schedule, observed, experiment.guidance);
        return Nearness::of(propagate_moments(score, experiment.sampler, truth.of_observations), truth).numbers();
      });
      all.back().near.push_back(Nearness::from(numbers));
      rows.push_back(followed_by({order.value_or("exact"), fmt::format("{}", value)}, all.back().near.back().cells()));
    }
  }
  return table.finish(aligned(rows, 1) + "\n",
                      fmt::format("A prior that believes in another {}: {}, observation {}", study.key,
                                  experiment.dynamics.system, subject.name),
                      misspecified_panels(study, all),
                      "Grey: exact inference with the wrong prior, what no sampler can better.");
}

}  // namespace sda
