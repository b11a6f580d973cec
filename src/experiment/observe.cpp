/// Observations of one trajectory: drawn from a known one, or taken from a file of instruments.
#include "sda/experiment/observe.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

void require_within(const std::string& flag, std::int64_t found, std::int64_t max, const std::string& of) {
  if (found >= 0 && found <= max) return;
  throw UsageError({.what = "not in " + of,
                    .where = flag,
                    .found = fmt::format("{}", found),
                    .expected = max < 0 ? "a longer trajectory" : fmt::format("0 to {}", max)});
}

}  // namespace

Observations observe_trajectory(const TrajectoryFile& file, const std::string& path, std::int64_t trajectory,
                                std::int64_t start, const ObservationParameters& parameters, const std::string& name,
                                std::uint64_t seed) {
  const StateLayout& layout = file.trajectories.layout;
  const Tensor& states = file.trajectories.states;
  const std::int64_t trajectories = states.size(0), length = states.size(1);
  require_within("--trajectory", trajectory, trajectories - 1,
                 fmt::format("{}, which holds {} trajectories", path, trajectories));
  require_within("--start", start, length - parameters.length,
                 fmt::format("{}: {} states are observed of trajectories of {}", path, parameters.length, length));
  const Tensor truth = states.select(0, trajectory).narrow(0, start, parameters.length).clone();
  // A draw of its own for each place in the data that can be observed.
  const auto index = static_cast<std::uint64_t>(trajectory * length + start);
  Observations observations = observe(truth, layout, file.normalisation, parameters.parts(), name, seed, index);
  observations.start_time = file.start_time(trajectory) + static_cast<double>(start) * layout.dt;
  observations.check();
  return observations;
}

std::vector<std::string> valueless_in_words(const Observations& observations) {
  std::vector<std::string> sentences;
  const auto counts = valueless_observations(observations);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const ObservationPart& part = observations.parts[i];
    sentences.push_back(
        fmt::format("{} of {} observations{} reach points where states have no values, such as land: choose others by "
                    "points, box or circle",
                    counts[i], part.values.numel(), part.name.empty() ? "" : " of " + part.name));
  }
  return sentences;
}

ObservedSystem observed_system(const ModelFile& model, const Experiment& experiment) {
  ObservedSystem system{
      .layout = model.prior.layout, .normalisation = model.prior.normalisation, .dynamics = "", .window = {}};
  const bool is_ours = experiment.data.files.empty() && !model.prior.dynamics.empty();
  if (is_ours) system.dynamics = to_toml(experiment.dynamics);
  system.window.min_length = model.prior.network_parameters.window_length();
  return system;
}

ObservedSystem observed_system(const TrajectoryFile& file) {
  ObservedSystem system{
      .layout = file.trajectories.layout, .normalisation = file.normalisation, .dynamics = file.dynamics, .window = {}};
  system.window.state_at = file.trajectories.start_time;
  return system;
}

Observations take_observations(const std::string& path, const ObservedSystem& system,
                               const ObservationFileParameters& parameters, const std::string& name) {
  Observations observations = read_observations(path, system.layout, system.normalisation, parameters, system.window);
  observations.name = name.empty() ? std::filesystem::path(path).stem().string() : name;
  return observations;
}

}  // namespace sda
