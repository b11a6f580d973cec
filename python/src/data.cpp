/// Trajectories and ensembles: simulated, imported, read and written.
#include "sda/dynamics/simulation.hpp"
#include "sda/workflow/simulate.hpp"

#include "binding.hpp"
#include "values.hpp"

namespace sda::python {
namespace {

Experiment experiment_of(const std::string& config, const Settings& settings) {
  Experiment experiment = read_experiment(config);
  apply(experiment, settings, {});
  return experiment;
}

py::dict simulate_states(const std::string& config, const Settings& settings, const std::string& command,
                         std::uint64_t seed, const py::object& progress) {
  const Experiment experiment = experiment_of(config, settings);
  const auto dynamics = make_dynamics(experiment.dynamics);
  const auto& p = experiment.simulation;
  TrajectoryFile file{.trajectories = {.layout = dynamics->layout(), .states = {}},
                      .normalisation = dynamics->normalisation(),
                      .dynamics = to_toml(experiment.dynamics),
                      .provenance = make_provenance(command, to_toml(experiment), seed)};
  const ProgressCallback tell = progress_of(progress);
  {
    const LongCall call;
    file.trajectories.states = simulate(
        *dynamics, {.trajectories = p.trajectories, .length = p.length, .spin_up = p.spin_up, .seed = seed}, tell);
  }
  return dict_of(file);
}

void simulate_into(const std::string& folder, const std::string& config, const Settings& settings, bool resume,
                   const std::string& command, std::uint64_t seed, const py::object& progress) {
  Experiment experiment = experiment_of(config, settings);
  if (resume) {
    const StoppedSimulation stopped = stopped_simulation(folder);
    experiment = base_experiment(config, stopped.provenance, stopped.file);
    apply(experiment, settings, {});
    require_same_simulation(stopped, experiment, std::nullopt);
    seed = stopped.provenance.seed;
  }
  const Telling telling{.progress = progress_of(progress)};
  const LongCall call;
  simulate_to_files(experiment, folder, resume, make_provenance(command, to_toml(experiment), seed), telling);
}

/// What `sda import` makes of a file, in memory; the normalisation is that of the trajectories to be trained on.
py::dict import_file(const std::string& path, const Settings& settings, const std::string& command) {
  Experiment experiment;
  apply(experiment, settings, {});
  experiment.data.files = {path};
  UserData data(experiment.data);
  const auto train = static_cast<std::int64_t>(experiment.data.train * static_cast<double>(data.size()) + 1e-9);
  TrajectoryFile file{
      .trajectories = {.layout = {}, .states = {}}, .normalisation = {}, .dynamics = "", .provenance = {}};
  {
    const LongCall call;
    file.normalisation = data.survey(std::max<std::int64_t>(1, train));
    file.trajectories.states = data.read(0, data.size());
  }
  file.trajectories.layout = data.layout();
  file.trajectories.start_time = data.start_times().front();
  for (const double start : data.start_times()) {
    if (start != data.start_times().front()) file.start_times = data.start_times();
  }
  file.context = data.context();
  experiment.data.files = {"an xarray.Dataset"};
  file.provenance = make_provenance(command, to_toml(experiment), 0);
  py::dict result = dict_of(file);
  result["remarks"] = data.remarks();
  return result;
}

}  // namespace

py::dict dict_of(const TrajectoryFile& file) {
  return py::dict(
      py::arg("layout") = dict_of(file.trajectories.layout), py::arg("states") = array_of(file.trajectories.states),
      py::arg("start_time") = file.trajectories.start_time, py::arg("mean") = array_of(file.normalisation.mean),
      py::arg("std") = array_of(file.normalisation.std), py::arg("dynamics") = file.dynamics,
      py::arg("provenance") = dict_of(file.provenance), py::arg("context") = array_of(file.context),
      py::arg("start_times") = file.start_times);
}

TrajectoryFile trajectories_of(const py::dict& from) {
  const auto optional = [&](const char* key) {
    return from.contains(key) && !from[key].is_none() ? tensor_of(from[key].cast<py::array>(), key) : Tensor();
  };
  TrajectoryFile file{.trajectories = {.layout = layout_of(from["layout"]),
                                       .states = optional("states"),
                                       .start_time = from["start_time"].cast<double>()},
                      .normalisation = {optional("mean"), optional("std")},
                      .dynamics = from["dynamics"].cast<std::string>(),
                      .provenance = provenance_of(from["provenance"]),
                      .context = optional("context"),
                      .start_times = from["start_times"].cast<std::vector<double>>()};
  const auto& [layout, states, start] = file.trajectories;
  if (states.dim() < 2 || states.sizes().slice(2) != layout.event) {
    throw ShapeError({.what = "states do not fit their layout",
                      .where = "data",
                      .found = to_string(states.sizes()),
                      .expected = "trajectory × time × " + to_string(layout.event)});
  }
  return file;
}

py::dict dict_of(const EnsembleFile& file) {
  const auto& [ensemble, cost, provenance] = file;
  return py::dict(py::arg("layout") = dict_of(ensemble.layout), py::arg("states") = array_of(ensemble.members),
                  py::arg("start_time") = ensemble.start_time, py::arg("method") = ensemble.method,
                  py::arg("seconds") = cost.seconds, py::arg("evaluations") = cost.evaluations,
                  py::arg("provenance") = dict_of(provenance));
}

EnsembleFile ensemble_of(const py::dict& from) {
  return {.ensemble = {.layout = layout_of(from["layout"]),
                       .members = tensor_of(from["states"].cast<py::array>(), "posterior"),
                       .start_time = from["start_time"].cast<double>(),
                       .method = from["method"].cast<std::string>()},
          .cost = {from["seconds"].cast<double>(), from["evaluations"].cast<std::int64_t>()},
          .provenance = provenance_of(from["provenance"])};
}

void bind_data(py::module_& module) {
  module.def("simulate", &simulate_states);
  module.def("simulate_into", &simulate_into);
  module.def("import_file", &import_file);
  module.def("read_trajectories", [](const std::string& path) { return dict_of(read_trajectories(path)); });
  module.def("write_trajectories", [](const std::string& path, const py::dict& from) {
    const TrajectoryFile file = trajectories_of(from);
    const py::gil_scoped_release released;
    write_trajectories(path, file);
  });
  module.def("read_ensemble", [](const std::string& path) { return dict_of(read_ensemble(path)); });
  module.def("write_ensemble", [](const std::string& path, const py::dict& from) {
    const EnsembleFile file = ensemble_of(from);
    const py::gil_scoped_release released;
    write_ensemble(path, file.ensemble, file.cost, file.provenance);
  });
  module.def("describe_file", &describe_file);
  module.def("statistics", [](const py::dict& layout, const py::array& states) {
    ChannelStatistics statistics;
    statistics.add(tensor_of(states, "states"));
    const Normalisation found = statistics.result(layout_of(layout));
    return py::make_tuple(array_of(found.mean), array_of(found.std));
  });
  module.def("split", [](std::int64_t total, double train, double valid, const std::string& key) {
    py::dict parts;
    for (const auto& part : split(total, train, valid, key)) {
      parts[part.name.c_str()] = py::make_tuple(part.begin, part.begin + part.count);
    }
    return parts;
  });
}

}  // namespace sda::python
