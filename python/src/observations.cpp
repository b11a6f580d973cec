/// Observations: drawn from a trajectory, taken from instruments' files, read and written.
#include "sda/observation/observations.hpp"

#include <algorithm>

#include "binding.hpp"
#include "sda/core/code.hpp"
#include "sda/core/runtime.hpp"
#include "sda/experiment/observe.hpp"
#include "values.hpp"

namespace sda::python {
namespace {

using BoundPointer = std::shared_ptr<BoundObservations>;

BoundPointer draw(const py::dict& data, const Settings& settings, const std::string& name, std::int64_t trajectory,
                  std::int64_t start, std::uint64_t seed) {
  Experiment experiment;
  apply(experiment, settings, {});
  const auto parameters = chosen_observation(experiment, name).second;
  const TrajectoryFile file = trajectories_of(data);
  return std::make_shared<BoundObservations>(BoundObservations{
      observe_trajectory(file, "the truth", trajectory, start, parameters, name, seed), file.dynamics});
}

BoundPointer take(ObservedSystem system, const std::string& path, const Settings& settings, const std::string& name,
                  const std::string& begin, const std::string& end) {
  Experiment experiment;
  apply(experiment, settings, {});
  system.window.begin = begin;
  system.window.end = end;
  return std::make_shared<BoundObservations>(
      BoundObservations{take_observations(path, system, experiment.observation_file, name), system.dynamics});
}

BoundPointer take_for_prior(const LoadedPrior& prior, const std::string& path, const Settings& settings,
                            const std::string& name, const std::string& begin, const std::string& end) {
  const Experiment experiment = base_experiment("", prior.file.provenance, prior.path);
  return take(observed_system(prior.file, experiment), path, settings, name, begin, end);
}

BoundPointer take_for_data(const py::dict& data, const std::string& path, const Settings& settings,
                           const std::string& name, const std::string& begin, const std::string& end) {
  return take(observed_system(trajectories_of(data)), path, settings, name, begin, end);
}

BoundPointer read(const std::string& path, bool allow_code) {
  std::optional<AllowCode> allowed;
  if (allow_code) allowed.emplace();
  ObservationFile file = read_observations(path);
  return std::make_shared<BoundObservations>(BoundObservations{file.observations, file.dynamics});
}

void write(const BoundObservations& bound, const std::string& path, const std::string& command) {
  if (bound.has_functions()) {
    throw UnsupportedError({.what = "observations by a function of Python cannot be written",
                            .where = path,
                            .hint = "save the function by torch.jit.save and name it by the link torchscript"});
  }
  write_observations(path, bound.observations, bound.dynamics, make_provenance(command, "", 0));
}

py::list parts_of(const BoundObservations& bound) {
  py::list parts;
  for (const auto& part : bound.observations.parts) {
    py::list times;
    for (const auto time : part.op->times(bound.observations.length)) times.append(time);
    parts.append(py::dict(py::arg("name") = part.name, py::arg("values") = array_of(part.values),
                          py::arg("sigma") = part.noise.values(), py::arg("noise") = part.noise.describe(),
                          py::arg("operator") = part.op->describe(), py::arg("states") = times));
  }
  return parts;
}

py::object predict(const BoundObservations& bound, const py::array& members) {
  const Observations& y = bound.observations;
  const Tensor x = y.normalisation.normalise(tensor_of(members, "members").to(at::kDouble));
  return array_of(y.apply(x).contiguous());
}

}  // namespace

bool BoundObservations::has_functions() const {
  const auto& parts = observations.parts;
  return std::any_of(parts.begin(), parts.end(), [](const ObservationPart& part) {
    return part.noise.shape().kind == "python" ||
           std::any_of(part.chain.begin(), part.chain.end(), [](const auto& link) { return link.kind == "python"; });
  });
}

void bind_observations(py::module_& module) {
  py::class_<BoundObservations, BoundPointer>(module, "Observations")
      .def_property_readonly("layout", [](const BoundObservations& b) { return dict_of(b.observations.layout); })
      .def_property_readonly("length", [](const BoundObservations& b) { return b.observations.length; })
      .def_property_readonly("start_time", [](const BoundObservations& b) { return b.observations.start_time; })
      .def_property_readonly("name", [](const BoundObservations& b) { return b.observations.name; })
      .def_property_readonly("qc_summary", [](const BoundObservations& b) { return b.observations.qc_summary; })
      .def_property_readonly("description", [](const BoundObservations& b) { return b.observations.describe(); })
      .def_property_readonly("truth", [](const BoundObservations& b) { return array_of(b.observations.truth); })
      .def_property_readonly("dynamics", [](const BoundObservations& b) { return b.dynamics; })
      .def_property_readonly("has_functions", &BoundObservations::has_functions)
      .def_property_readonly("parts", &parts_of)
      .def("valueless", [](const BoundObservations& b) { return valueless_in_words(b.observations); })
      .def("predict", &predict)
      .def("save", &write);
  module.def("draw", &draw);
  module.def("take_for_prior", &take_for_prior);
  module.def("take_for_data", &take_for_data);
  module.def("read_observations", &read);
}

}  // namespace sda::python
