/// Priors whose denoiser is Python's: a network that has a score and no weights that we know.
#include "binding.hpp"
#include "sda/core/runtime.hpp"
#include "sda/prior/scores.hpp"
#include "values.hpp"

namespace sda::python {
namespace {

/// An object that any thread may let go.
std::shared_ptr<const py::object> shared(py::object object) {
  return {new py::object(std::move(object)), [](const py::object* held) {
            if (Py_IsInitialized() == 0) return;
            const py::gil_scoped_acquire gil;
            delete held;
          }};
}

Tensor epsilon_like(const py::object& found, const Tensor& x) {
  Tensor epsilon = tensor_of(found.cast<py::array>(), "denoiser");
  if (epsilon.sizes() != x.sizes()) {
    throw ShapeError({.what = "a denoiser gave another shape than it was given",
                      .where = "denoiser",
                      .found = to_string(epsilon.sizes()),
                      .expected = to_string(x.sizes())});
  }
  return epsilon.to(x.scalar_type());
}

class PythonLinearisation final : public Linearisation {
 public:
  PythonLinearisation(const py::object& denoiser, const Tensor& x, double mu, double sigma) {
    const py::gil_scoped_acquire gil;
    const py::tuple both = denoiser.attr("linearise")(array_of(x.contiguous()), mu, sigma);
    epsilon_ = epsilon_like(both[0], x);
    pull_ = shared(both[1]);
  }
  const Tensor& epsilon() const override { return epsilon_; }
  Tensor vjp(const Tensor& v) const override {
    StopToken::throw_if_stopped("nothing was kept");
    const py::gil_scoped_acquire gil;
    return epsilon_like((*pull_)(array_of(v.contiguous())), v);
  }

 private:
  Tensor epsilon_;
  std::shared_ptr<const py::object> pull_;
};

class PythonScore final : public DifferentiableScore {
 public:
  PythonScore(std::shared_ptr<const py::object> denoiser, NoiseSchedule schedule)
      : denoiser_(std::move(denoiser)), schedule_(std::move(schedule)) {}
  Tensor epsilon(const Tensor& x, double t) const override {
    StopToken::throw_if_stopped("nothing was kept");
    const py::gil_scoped_acquire gil;
    return epsilon_like(denoiser_->attr("epsilon")(array_of(x.contiguous()), schedule_.mu(t), schedule_.sigma(t)), x);
  }
  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override {
    StopToken::throw_if_stopped("nothing was kept");
    return std::make_unique<PythonLinearisation>(*denoiser_, x, schedule_.mu(t), schedule_.sigma(t));
  }

 private:
  std::shared_ptr<const py::object> denoiser_;
  NoiseSchedule schedule_;
};

class PythonNetwork final : public Network {
 public:
  PythonNetwork(py::object denoiser, NoiseSchedule schedule, std::optional<std::int64_t> order)
      : score_(std::make_shared<PythonScore>(shared(std::move(denoiser)), std::move(schedule))), order_(order) {}
  Tensor forward(const Tensor&, const Tensor&) const override {
    throw UnsupportedError({.what = "a denoiser of Python cannot be trained here", .where = "denoiser"});
  }
  std::int64_t bytes_per_row(std::int64_t) const override { return 1; }
  std::shared_ptr<const DifferentiableScore> fused_score(std::int64_t, std::int64_t stride, Precision) const override {
    if (!order_) return score_;
    return std::make_shared<WindowedScore>(score_, *order_, stride);
  }

 private:
  std::shared_ptr<const DifferentiableScore> score_;
  std::optional<std::int64_t> order_;
};

/// `like` says what states are; without an order the denoiser is of whole trajectories.
std::shared_ptr<LoadedPrior> prior_of_denoiser(const py::dict& like, const py::object& denoiser,
                                               std::optional<std::int64_t> order, const Settings& settings) {
  Experiment experiment;
  apply(experiment, settings, {});
  const TrajectoryFile file = trajectories_of(like);
  NetworkParameters parameters{.kind = NetworkKind::torchscript};
  parameters.global = !order;
  if (order) parameters.order = *order;
  const NoiseSchedule schedule(experiment.schedule);
  return std::make_shared<LoadedPrior>(
      LoadedPrior{{.prior = {.network_parameters = parameters,
                             .schedule = experiment.schedule,
                             .layout = file.trajectories.layout,
                             .normalisation = file.normalisation,
                             .context = {},
                             .network = std::make_shared<PythonNetwork>(denoiser, schedule, order),
                             .dynamics = file.dynamics.empty() ? "" : read_dynamics(file.dynamics, "like").system},
                   .training = {},
                   .provenance = file.provenance},
                  "the prior"});
}

}  // namespace

bool is_of_python(const Network& network) {
  return dynamic_cast<const PythonNetwork*>(&network) != nullptr;
}

void bind_denoiser(py::module_& module) {
  module.def("prior_of_denoiser", &prior_of_denoiser);
  module.def("noise_schedule", [](const Settings& settings) {
    Experiment experiment;
    apply(experiment, settings, {});
    const NoiseSchedule schedule(experiment.schedule);
    return py::cpp_function([schedule](double t) { return py::make_tuple(schedule.mu(t), schedule.sigma(t)); });
  });
}

}  // namespace sda::python
