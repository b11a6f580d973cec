/// The library's side of the benchmark: the work of benchmark/eager.py, from the same weights and inputs.
///   sda_benchmark check DIR                              writes what this side makes of the inputs
///   sda_benchmark run WORK DIR [SECONDS] [THREADS] [PRECISION]   times one work and prints JSON
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <stdexcept>

#include "core/torch.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/core/error.hpp"
#include "sda/core/provenance.hpp"
#include "sda/core/runtime.hpp"
#include "sda/diffusion/denoising.hpp"
#include "sda/dynamics/systems.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/denoising_gradient.hpp"
#include "sda/prior/prior.hpp"
#include "sda/sampling/sampler.hpp"
#include "sda/training/trainer.hpp"
#include "timing.hpp"

namespace {

using sda::benchmark::seconds_of;
using sda::benchmark::time_of;

using nlohmann::json;
using sda::Tensor;
using Tensors = std::map<std::string, Tensor>;

// The constants of eager.py.
constexpr double noise = 0.05, gamma_sda = 1e-2, time_of_guidance = 0.4;
constexpr std::int64_t length = 65, particles = 16384, kept = 1024, spin_up = 64, checked_members = 16;
constexpr std::int64_t flow_every = 4, flow_coarsen = 8;
constexpr double flow_noise = 0.1;
constexpr std::uint64_t filter_runs = 16;
constexpr std::int64_t posterior_steps = 2;

// Files shared with eager.py: float32 tensors one after the other in NAME.bin, found through NAME.json. --------------

Tensors read_tensors(const std::string& folder, const std::string& name) {
  std::ifstream index_file(folder + "/" + name + ".json"), data_file(folder + "/" + name + ".bin", std::ios::binary);
  if (!index_file || !data_file) throw std::runtime_error("cannot read " + folder + "/" + name);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(data_file), {}};
  Tensors tensors;
  const auto index = json::parse(index_file);
  for (const auto& [key, entry] : index.items()) {
    const auto shape = entry.at("shape").get<sda::Shape>();
    auto values = at::empty(shape, at::kFloat);
    const auto offset = entry.at("offset").get<std::size_t>(), size = static_cast<std::size_t>(values.numel()) * 4;
    if (offset + size > bytes.size()) throw std::runtime_error(folder + "/" + name + ".bin ends early");
    std::memcpy(values.data_ptr<float>(), bytes.data() + offset, size);
    tensors.emplace(key, values);
  }
  return tensors;
}

void write_tensors(const std::string& folder, const std::string& name, const Tensors& tensors) {
  std::ofstream index_file(folder + "/" + name + ".json"), data_file(folder + "/" + name + ".bin", std::ios::binary);
  json index;
  std::int64_t offset = 0;
  for (const auto& [key, tensor] : tensors) {
    const auto values = tensor.detach().to(at::kFloat).contiguous();
    data_file.write(reinterpret_cast<const char*>(values.data_ptr<float>()), values.numel() * 4);
    index[key] = {{"shape", values.sizes().vec()}, {"offset", offset}};
    offset += values.numel() * 4;
  }
  index_file << index;
  if (!index_file || !data_file) throw std::runtime_error("cannot write " + folder + "/" + name);
}

// The work -----------------------------------------------------------------------------------------------------------

struct Setting {
  std::string folder;
  std::unique_ptr<sda::Dynamics> dynamics = sda::make_dynamics({});  // noisy Lorenz 1963
  Tensors inputs = read_tensors(folder, "inputs");

  sda::Prior prior(std::int64_t order = 2, const std::string& file = "weights") const {
    sda::Prior p;
    p.network_parameters = {.order = order, .embedding = 32, .width = 256, .depth = 5};
    p.layout = dynamics->layout();
    p.normalisation = dynamics->normalisation();
    p.network = sda::make_network(p.network_parameters, p.layout.event, 0);
    load(*p.network, file);
    return p;
  }

  void load(sda::Network& network, const std::string& file) const {
    const auto weights = read_tensors(folder, file);
    std::vector<sda::NamedTensor> ordered;
    for (const auto& [name, value] : network.parameters()) ordered.push_back({name, weights.at(name)});
    network.load(ordered, folder);
  }

  /// The U-Net of a flow with its forcing.
  sda::Prior flow_prior() const {
    sda::Prior p;
    p.network_parameters = {.kind = sda::NetworkKind::unet, .order = 2, .embedding = 64};
    p.network_parameters.channels = {96, 192, 384};
    p.network_parameters.blocks = {3, 3, 3};
    p.network_parameters.padding = sda::Padding::circular;
    p.layout.event = inputs.at("flow").sizes().slice(2).vec();
    p.layout.variables = {{"u", "u"}, {"v", "v"}};
    p.layout.space_names = {"y", "x"};
    p.normalisation = sda::Normalisation::identity(p.layout.event);
    p.context = inputs.at("forcing");
    p.network = sda::make_network(p.network_parameters, p.layout.event, 0, p.context);
    load(*p.network, "flow_weights");
    return p;
  }

  sda::Observations observed(const sda::StateLayout& layout, const sda::Normalisation& normalisation,
                             std::int64_t states, std::vector<sda::OperatorLink> chain, double sigma,
                             const char* values) const {
    sda::Observations y{.layout = layout, .normalisation = normalisation, .length = states, .parts = {}};
    sda::ObservationPart part{.name = "", .chain = std::move(chain)};
    part.op = sda::make_operator(part.chain, y.layout, y.normalisation);
    part.noise = sda::GaussianNoise({sigma});
    part.values = inputs.at(values).to(at::kDouble);
    y.parts = {part};
    return y;
  }

  sda::PosteriorScore posterior_of(const sda::Prior& p, const sda::Observations& y, sda::Precision precision) const {
    return {sda::make_prior_score(p, sda::default_memory_budget(), 1, precision),
            sda::NoiseSchedule(),
            y,
            {.gamma = {gamma_sda}}};
  }

  sda::PosteriorScore flow_posterior(const sda::Prior& p, sda::Precision precision) const {
    const std::vector<sda::OperatorLink> chain = {{"every", {flow_every}}, {"coarsen", {flow_coarsen}}};
    return posterior_of(p, observed(p.layout, p.normalisation, inputs.at("flow").size(1), chain, flow_noise, "flow_y"),
                        precision);
  }

  /// The first coordinate of every 8th state of Lorenz 1963.
  sda::Observations lo() const {
    return observed(dynamics->layout(), dynamics->normalisation(), length, {{"every", {8}}, {"select", {0}}}, noise,
                    "y");
  }

  sda::PosteriorScore posterior(const sda::Prior& p, sda::Precision precision) const {
    return posterior_of(p, lo(), precision);
  }

  sda::FilterResult filter(std::uint64_t seed) const {
    return sda::particle_filter(*dynamics, lo(), {.particles = particles, .members = kept, .spin_up = spin_up}, seed);
  }
};

/// The denoising loss of a batch and its gradient, under names that begin with `prefix`.
void check_gradient(const sda::Prior& prior, sda::Precision precision, const Tensor& x, const Tensor& t,
                    const Tensor& epsilon, const std::string& prefix, Tensors& results) {
  const auto weights = prior.network->flat_values(), gradient = at::zeros_like(weights);
  const auto denoising = sda::make_denoising_gradient(prior.network, weights, gradient, precision);
  const double loss = denoising->evaluate(sda::perturb(sda::NoiseSchedule(), x, t, epsilon), t, epsilon);
  results[prefix + "loss"] = at::full({1}, loss);
  std::int64_t offset = 0;
  for (const auto& [name, value] : prior.network->parameters()) {
    results[prefix + "gradient of " + name] = gradient.narrow(0, offset, value.numel()).view(value.sizes());
    offset += value.numel();
  }
}

/// What eager.py's export made of the same inputs, made here by the network's kernels.
void check_networks(const Setting& setting, sda::Precision precision, Tensors& results) {
  const std::string prefix = sda::name_of(precision) + std::string(" ");
  const auto& in = setting.inputs;
  const auto prior = setting.prior(), flow = setting.flow_prior();
  results[prefix + "guided"] =
      setting.posterior(prior, precision).epsilon(in.at("x").narrow(0, 0, checked_members), time_of_guidance);
  results[prefix + "flow_guided"] = setting.flow_posterior(flow, precision).epsilon(in.at("flow"), time_of_guidance);
  check_gradient(prior, precision, in.at("batch"), in.at("batch_time"), in.at("batch_noise"), prefix, results);
  check_gradient(flow, precision, in.at("flow_batch"), in.at("flow_time"), in.at("flow_noise"), prefix + "flow_",
                 results);
}

void check(const std::string& folder) {
  const Setting setting{folder};
  const auto& in = setting.inputs;
  Tensors results;
  check_networks(setting, sda::Precision::float32, results);
  try {
    check_networks(setting, sda::Precision::bfloat16, results);
  } catch (const sda::UsageError& error) {
    std::fprintf(stderr, "without bfloat16: %s\n", error.what());
  }

  auto next = in.at("start").clone();
  sda::make_dynamics({.noise = 0})->advance(next, 1, {});
  results["float32 next"] = next;
  std::vector<double> evidence;
  for (std::uint64_t seed = 0; seed < filter_runs; ++seed) evidence.push_back(setting.filter(seed).log_evidence);
  results["float32 log_evidence"] = at::tensor(evidence, at::kDouble).exp().mean().log().reshape({1});
  write_tensors(folder, "sda", results);
}

// Timing -------------------------------------------------------------------------------------------------------------

struct Timing {
  std::int64_t units = 0;
  std::vector<double> seconds;
};

Timing time_training(const Setting& setting, std::int64_t batch, sda::Precision precision, double seconds) {
  const auto prior = setting.prior();
  const sda::Trajectories states{.layout = prior.layout,
                                 .states = prior.normalisation.denormalise(setting.inputs.at("states"))};
  const auto trajectories = states.states.size(0);
  // Whole runs of the trainer, so that its own clock is not what is compared; the first run warms up and says how
  // many epochs fill the time. One validation, at a run's end, is part of it, as it is of training.
  const auto run = [&](std::int64_t epochs) {
    sda::Trainer trainer(prior, {.epochs = epochs, .batch = batch, .precision = precision, .validate_every = epochs},
                         states, {.layout = states.layout, .states = states.states.narrow(0, 0, 1)}, 0);
    return seconds_of([&] { trainer.run({}, {}); }) / static_cast<double>(epochs);
  };
  const auto epoch = run(2);
  const auto epochs = std::max<std::int64_t>(1, static_cast<std::int64_t>(seconds / 3 / epoch));
  return {trajectories, {run(epochs), run(epochs), run(epochs)}};
}

/// Epochs of one batch each; the first warms up, and the last, which validates, is not counted.
Timing time_unet_training(const Setting& setting, sda::Precision precision, double seconds) {
  const auto prior = setting.flow_prior();
  const sda::Trajectories states{.layout = prior.layout, .states = setting.inputs.at("flow_states")};
  const auto batch = states.states.size(0);
  std::vector<double> durations;
  const auto run = [&](std::int64_t epochs) {
    sda::Trainer trainer(prior, {.epochs = epochs, .batch = batch, .precision = precision, .validate_every = epochs},
                         states, {.layout = states.layout, .states = states.states.narrow(0, 0, 1)}, 0);
    durations.clear();
    auto last = std::chrono::steady_clock::now();
    trainer.run({}, [&](const sda::EpochReport& report) {
      const auto now = std::chrono::steady_clock::now();
      if (report.epoch > 1 && report.epoch < epochs)
        durations.push_back(std::chrono::duration<double>(now - last).count());
      last = now;
    });
  };
  run(3);
  run(2 + std::max<std::int64_t>(1, static_cast<std::int64_t>(seconds / durations.front())));
  return {batch, durations};
}

Timing time_work(const std::string& work, const std::string& folder, double seconds, sda::Precision precision) {
  const Setting setting{folder};
  if (work == "posterior") {
    // The first few of the 256 steps: each costs the same.
    const auto posterior = setting.posterior(setting.prior(4, "posterior_weights"), precision);
    const sda::Sampler sampler(
        sda::NoiseSchedule(),
        {.steps = posterior_steps, .grid = sda::TimeGrid::uniform, .churn = 0, .corrections = 4, .tau = 0.25});
    return {posterior_steps, time_of([&] { sampler.sample_from(setting.inputs.at("x"), posterior, 0); }, seconds)};
  }
  if (work == "guided") {
    const auto posterior = setting.posterior(setting.prior(), precision);
    const auto& x = setting.inputs.at("x");
    return {x.size(0), time_of([&] { posterior.epsilon(x, time_of_guidance); }, seconds)};
  }
  if (work == "unet_guided") {
    const auto posterior = setting.flow_posterior(setting.flow_prior(), precision);
    const auto& x = setting.inputs.at("flow");
    return {x.size(1) - 4, time_of([&] { posterior.epsilon(x, time_of_guidance); }, seconds)};
  }
  if (work == "unet_training") return time_unet_training(setting, precision, seconds);
  if (work == "training_64" || work == "training_1024")
    return time_training(setting, std::stoll(work.substr(9)), precision, seconds);
  if (work == "simulation") {
    constexpr std::int64_t steps = 100;
    const auto& start = setting.inputs.at("start");
    return {steps * start.size(0), time_of(
                                       [&] {
                                         auto x = start.clone();
                                         setting.dynamics->advance(
                                             x, steps, {.seed = 0, .purpose = sda::Purpose::transition_noise});
                                       },
                                       seconds)};
  }
  if (work == "filter") return {particles * length, time_of([&] { setting.filter(0); }, seconds)};
  throw std::runtime_error("unknown work " + work);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() == 2 && arguments[0] == "check") {
      sda::configure_runtime(sda::choose_threads());
      check(arguments[1]);
      return 0;
    }
    if (arguments.size() >= 3 && arguments[0] == "run") {
      const double seconds = arguments.size() > 3 ? std::stod(arguments[3]) : 5.0;
      sda::configure_runtime(sda::choose_threads(arguments.size() > 4 ? std::stoi(arguments[4]) : 0));
      const auto precision = sda::choice_of<sda::Precision>(arguments.size() > 5 ? arguments[5] : "auto");
      if (!precision) throw std::runtime_error("unknown precision " + arguments[5]);
      const auto timing = time_work(arguments[1], arguments[2], seconds, *precision);
      const json line{{"units", timing.units}, {"seconds", timing.seconds}, {"version", "sda " + sda::version()}};
      std::printf("%s\n", line.dump().c_str());
      return 0;
    }
    std::fprintf(stderr, "usage: sda_benchmark check DIR | run WORK DIR [SECONDS] [THREADS] [PRECISION]\n");
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sda_benchmark: %s\n", error.what());
    return 1;
  }
}
