/// Scores, reports and calibration.
#include <map>

#include "binding.hpp"
#include "sda/core/code.hpp"
#include "sda/core/runtime.hpp"
#include "sda/report/scores.hpp"
#include "sda/study/calibrate.hpp"
#include "sda/workflow/report.hpp"

namespace sda::python {
namespace {

py::dict evaluate(const std::string& observations, const std::vector<std::string>& ensembles,
                  const std::string& reference, const std::string& floor, std::uint64_t seed,
                  const py::object& progress) {
  const EvaluationFiles files{
      .observations = observations, .ensembles = ensembles, .reference = reference, .floor = floor};
  const ProgressCallback tell = progress_of(progress, /*stops=*/true);
  EvaluationResult found;
  const AllowCode allowed;  // of observations that are in memory already
  {
    const LongCall call;
    found = evaluate_files(files, seed, tell);
  }
  return py::dict(py::arg("json") = score_json(found.name, observations, found.rows, found.reference),
                  py::arg("table") = score_table(found.all()) + found.remark);
}

std::string report(const std::string& observations, const std::string& ensemble, const std::string& reference,
                   const std::string& folder, const std::string& title, const std::string& command) {
  ReportFiles files{.observations = {observations}, .ensembles = {ensemble}, .folder = folder, .title = title};
  if (!reference.empty()) files.references = {reference};
  const AllowCode allowed;
  const LongCall call;
  return report_files(files, command, 0).page;
}

/// Keeps what a classifier compares in memory, and nothing beyond the call.
class RecordInMemory final : public CalibrationRecord {
 public:
  RecordInMemory(ProgressCallback tell, std::int64_t trajectories)
      : tell_(std::move(tell)), trajectories_(trajectories) {}
  TrajectoryCalibration row(std::int64_t trajectory, const std::function<TrajectoryCalibration()>& compute) override {
    TrajectoryCalibration found = compute();
    tell_(trajectory + 1, trajectories_, "");
    return found;
  }
  void keep(const std::string& kind, std::int64_t trajectory, const Ensemble& members) override {
    kept_[{kind, trajectory}] = members;
  }
  std::optional<Ensemble> kept(const std::string& kind, std::int64_t trajectory) const override {
    const auto found = kept_.find({kind, trajectory});
    return found == kept_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  ProgressCallback tell_;
  std::int64_t trajectories_;
  std::map<std::pair<std::string, std::int64_t>, Ensemble> kept_;
};

py::object pair_of(const std::optional<Estimate>& estimate) {
  if (!estimate) return py::none();
  return py::make_tuple(estimate->value, estimate->standard_error);
}

py::dict calibrate_prior(const LoadedPrior& prior, const std::string& config, const std::string& quality,
                         const Settings& settings, const std::string& name, std::int64_t trajectories,
                         std::int64_t members, double believed_noise, bool reference, std::uint64_t seed,
                         const py::object& progress) {
  Experiment experiment = posterior_experiment(config, prior.file, prior.path,
                                               quality.empty() ? std::nullopt : choice_of<Quality>(quality));
  apply(experiment, settings, {"data", "training", "network", "schedule"});
  if (!experiment.data.files.empty() || prior.file.prior.dynamics.empty()) {
    throw UsageError(
        {.what = "truths are drawn from the system's simulator, and these states were imported", .where = "calibrate"});
  }
  const auto observation = chosen_observation(experiment, name).second;
  const auto subject = trained_subject(prior.file.prior, make_dynamics(experiment.dynamics),
                                       experiment.simulation.spin_up, experiment.posterior(), experiment.filter);
  RecordInMemory record(progress_of(progress, /*stops=*/true), trajectories);
  Calibration found;
  {
    const LongCall call;
    found = calibrate(
        *subject, {name, observation.parts(), observation.length},
        {.trajectories = trajectories, .members = members, .believed_noise = believed_noise, .reference = reference},
        seed, record);
  }
  return py::dict(py::arg("coverage50") = pair_of(found.coverage50), py::arg("coverage90") = pair_of(found.coverage90),
                  py::arg("spread_over_error") = found.spread_over_error, py::arg("area") = pair_of(found.area),
                  py::arg("rank_shares") = found.ranks.share, py::arg("rank_errors") = found.ranks.standard_error,
                  py::arg("rank_band") = found.ranks.band, py::arg("rank_p_value") = found.ranks.p_value);
}

}  // namespace

void bind_evaluation(py::module_& module) {
  module.def("evaluate", &evaluate);
  module.def("report", &report);
  module.def("calibrate", &calibrate_prior);
}

}  // namespace sda::python
