/// Systems by their parameters or as a Python forecast model, and the particle filter on them.
#include "sda/dynamics/dynamics.hpp"

#include "binding.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/core/runtime.hpp"
#include "sda/dynamics/systems.hpp"
#include "values.hpp"

namespace sda::python {
namespace {

/// A forecast model of Python's: sda.Dynamics.
class PythonDynamics final : public Dynamics {
 public:
  /// Held by the caller for as long as this lives.
  PythonDynamics(const py::object& model, StateLayout layout, Normalisation normalisation)
      : model_(model), layout_(std::move(layout)), normalisation_(std::move(normalisation)) {}

  std::string name() const override {
    const py::gil_scoped_acquire gil;
    return py::str(model_.attr("name"));
  }
  StateLayout layout() const override { return layout_; }
  Normalisation normalisation() const override { return normalisation_; }
  Tensor start(std::int64_t members, const StreamKey& key, at::ScalarType dtype) const override {
    const py::gil_scoped_acquire gil;
    return states(model_.attr("_start")(members, stream(key)), members).to(dtype);
  }
  void advance(Tensor& x, std::int64_t steps, const StreamKey& key) const override {
    StreamKey of_step = key;
    for (std::int64_t i = 0; i < steps; ++i, ++of_step.step) {
      StopToken::throw_if_stopped("nothing was kept");
      const py::gil_scoped_acquire gil;
      x.copy_(states(model_.attr("_step")(array_of(x), stream(of_step)), x.size(0)));
    }
  }
  bool is_stochastic() const override { return true; }
  Tensor log_transition(const Tensor&, const Tensor&) const override {
    throw UnsupportedError({.what = "a forecast model of Python has no transition density", .where = name()});
  }

 private:
  static py::tuple stream(const StreamKey& key) {
    return py::make_tuple(key.seed, static_cast<std::uint32_t>(key.purpose), key.first_member, key.step);
  }
  Tensor states(const py::object& found, std::int64_t members) const {
    Tensor x = tensor_of(found.cast<py::array>(), "Dynamics");
    if (x.sizes() != prepend({members}, layout_.event)) {
      throw ShapeError({.what = "a forecast model gave states of another shape",
                        .where = "Dynamics",
                        .found = to_string(x.sizes()),
                        .expected = to_string(prepend({members}, layout_.event))});
    }
    return x;
  }

  const py::object& model_;
  StateLayout layout_;
  Normalisation normalisation_;
};

py::dict filter(const BoundObservations& bound, const py::object& model, const Settings& settings,
                const std::string& command, std::uint64_t seed, const py::object& progress) {
  Experiment experiment;
  const bool is_ours = model.is_none();
  if (is_ours && bound.dynamics.empty()) {
    throw UsageError({.what = "a particle filter needs the system's simulator, and these states were imported",
                      .where = "particle_filter",
                      .hint = "give dynamics=sda.Dynamics(…)"});
  }
  if (is_ours) experiment.dynamics = read_dynamics(bound.dynamics, "the observations");
  apply(experiment, settings, {"simulation", "data", "schedule", "network", "training", "observation"});
  std::unique_ptr<Dynamics> dynamics;
  if (is_ours) {
    dynamics = make_dynamics(experiment.dynamics);
  } else {
    dynamics = std::make_unique<PythonDynamics>(model, bound.observations.layout, bound.observations.normalisation);
  }
  require_same_states("the observations", dynamics->layout(), bound.observations.length, bound.observations);
  const ProgressCallback tell = progress_of(progress, /*stops=*/true);
  const Stopwatch stopwatch;
  FilterResult result;
  {
    const LongCall call;
    result = particle_filter(*dynamics, bound.observations, experiment.filter, seed, tell);
  }
  py::dict made = dict_of(EnsembleFile{.ensemble = result.ensemble,
                                       .cost = {.seconds = stopwatch.seconds()},
                                       .provenance = make_provenance(command, to_toml(experiment), seed)});
  made["log_evidence"] = result.log_evidence;
  made["smallest_effective_size"] = result.smallest_effective_size;
  made["distinct_starts"] = result.distinct_starts;
  return made;
}

}  // namespace

void bind_dynamics(py::module_& module) {
  module.def("particle_filter", &filter);
  module.def("systems", [] {
    py::dict all;
    for (const auto& system : dynamics_systems()) all[system.name.c_str()] = system.help;
    return all;
  });
}

}  // namespace sda::python
