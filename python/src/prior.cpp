/// Priors: trained, loaded, asked for ε, and the posterior drawn with them.
#include "sda/prior/prior.hpp"

#include "binding.hpp"
#include "sda/assimilation/assimilate.hpp"
#include "sda/core/code.hpp"
#include "sda/core/runtime.hpp"
#include "sda/prior/device.hpp"
#include "sda/workflow/assimilate.hpp"
#include "sda/workflow/train.hpp"
#include "values.hpp"

namespace sda::python {
namespace {

using PriorPointer = std::shared_ptr<LoadedPrior>;

PriorPointer run_training(const TrainingRun& run, const std::string& config, const Settings& settings,
                          const std::string& command, std::uint64_t seed, const std::string& device,
                          const py::object& progress) {
  Experiment experiment = run.experiment(config);
  apply(experiment, settings, {"dynamics", "simulation", "data"});
  const Provenance provenance = make_provenance(command, to_toml(experiment), run.seed(experiment, std::nullopt, seed));
  const Telling telling{.progress = progress_of(progress)};
  const at::Device where = parse_device(device, "device");
  const LongCall call;
  return std::make_shared<LoadedPrior>(LoadedPrior{
      {.prior = run.run(experiment, where, provenance, telling).prior, .training = {}, .provenance = provenance},
      "the prior"});
}

PriorPointer train_on_states(const py::dict& train, const py::dict& valid, const std::string& model, bool resume,
                             const std::string& from, const std::string& config, const Settings& settings,
                             const std::string& command, std::uint64_t seed, const std::string& device,
                             const py::object& progress) {
  const TrainingRun run(trajectories_of(train), trajectories_of(valid),
                        {.data = "", .model = model, .from = from, .resume = resume});
  return run_training(run, config, settings, command, seed, device, progress);
}

PriorPointer train_on_files(const std::string& folder, const std::string& model, bool resume, const std::string& from,
                            const std::string& config, const Settings& settings, const std::string& command,
                            std::uint64_t seed, const std::string& device, const py::object& progress) {
  const TrainingRun run({.data = folder, .model = model, .from = from, .resume = resume});
  return run_training(run, config, settings, command, seed, device, progress);
}

void require_no_python(const LoadedPrior& prior, const std::string& where, const std::string& cannot) {
  if (!is_of_python(*prior.file.prior.network)) return;
  throw UnsupportedError({.what = "a denoiser of Python cannot be " + cannot,
                          .where = where,
                          .hint = "make the prior again by from_denoiser where it is used"});
}

py::dict assimilate_with(const LoadedPrior& prior, const BoundObservations& bound, const std::string& config,
                         const std::string& quality, const Settings& settings, const std::string& command,
                         std::uint64_t seed, const std::string& memory, const std::string& device,
                         std::int64_t first_member, const py::object& progress) {
  std::optional<Quality> chosen;
  if (!quality.empty()) {
    chosen = choice_of<Quality>(quality);
    if (!chosen) {
      throw UsageError(
          {.what = "no such quality", .where = "quality", .found = quality, .expected = "quick, good, best or paper"});
    }
  }
  Experiment experiment = posterior_experiment(config, prior.file, prior.path, chosen);
  apply(experiment, settings, {"dynamics", "simulation", "data", "network", "schedule", "training", "observation"});
  experiment.assimilation.memory = memory.empty() ? 0 : parse_bytes(memory, "memory");
  experiment.assimilation.device = parse_device(device, "device");
  if (!experiment.assimilation.device.is_cpu()) require_no_python(prior, "device", "moved: move the module itself");
  experiment.assimilation.first_member = first_member;
  require_one_system(prior.file.prior, bound.observations, prior.path);
  const ProgressCallback tell = progress_of(progress);
  Assimilation result;
  {
    const LongCall call;
    result = assimilate(prior.file.prior, bound.observations, experiment.posterior(), seed, tell);
  }
  py::dict made = dict_of(EnsembleFile{.ensemble = result.ensemble,
                                       .cost = result.cost,
                                       .provenance = make_provenance(command, to_toml(experiment), seed)});
  made["departure_over_sigma"] = result.departure_over_sigma;
  made["misfit"] = judge_analysis(misfit(bound.observations, result.normalised), prior.file.prior,
                                  experiment.posterior(), /*keep_diverged=*/true);
  return made;
}

py::object epsilon(const LoadedPrior& prior, const py::array& x, double t) {
  const Tensor states = tensor_of(x, "x");
  const py::gil_scoped_release released;
  const auto score = make_prior_score(prior.file.prior, default_memory_budget());
  const Tensor found = score->epsilon(states, t);
  const py::gil_scoped_acquire acquired;
  return array_of(found);
}

std::int64_t weights(const LoadedPrior& prior) {
  std::int64_t n = 0;
  for (const auto& [name, value] : prior.file.prior.network->parameters()) n += value.numel();
  return n;
}

}  // namespace

void bind_prior(py::module_& module) {
  py::class_<LoadedPrior, PriorPointer>(module, "Prior")
      .def("assimilate", &assimilate_with)
      .def("epsilon", &epsilon)
      .def("schedule",
           [](const LoadedPrior& p, double t) {
             const NoiseSchedule schedule(p.file.prior.schedule);
             return py::make_tuple(schedule.mu(t), schedule.sigma(t));
           })
      .def("time_of", [](const LoadedPrior& p, double r) { return NoiseSchedule(p.file.prior.schedule).time_of(r); })
      .def("save",
           [](const LoadedPrior& p, const std::string& path) {
             require_no_python(p, path, "written or pickled");
             write_model(path, p.file.prior, nullptr, p.file.provenance);
           })
      .def_property_readonly("layout", [](const LoadedPrior& p) { return dict_of(p.file.prior.layout); })
      .def_property_readonly("provenance", [](const LoadedPrior& p) { return dict_of(p.file.provenance); })
      .def_property_readonly("normalisation",
                             [](const LoadedPrior& p) {
                               const Normalisation& n = p.file.prior.normalisation;
                               return py::make_tuple(array_of(n.mean), array_of(n.std));
                             })
      .def_property_readonly("order", [](const LoadedPrior& p) { return p.file.prior.network_parameters.order; })
      .def_property_readonly("is_global", [](const LoadedPrior& p) { return p.file.prior.network_parameters.global; })
      .def_property_readonly("window",
                             [](const LoadedPrior& p) { return p.file.prior.network_parameters.window_length(); })
      .def_property_readonly("kind", [](const LoadedPrior& p) { return name_of(p.file.prior.network_parameters.kind); })
      .def_property_readonly("dynamics", [](const LoadedPrior& p) { return p.file.prior.dynamics; })
      .def_property_readonly("weights", &weights);
  module.def("read_model", [](const std::string& path, bool allow_code) {
    std::optional<AllowCode> allowed;
    if (allow_code) allowed.emplace();
    return std::make_shared<LoadedPrior>(LoadedPrior{read_model(path), path});
  });
  module.def("train_on_states", &train_on_states);
  module.def("train_on_files", &train_on_files);
}

}  // namespace sda::python
