/// The particle filter on files: go on from what a stopped run left, filter and save, write the ensemble.
#include "sda/workflow/filter.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "sda/core/error.hpp"
#include "sda/core/going_on.hpp"
#include "sda/data/files.hpp"
#include "sda/experiment/run.hpp"
#include "workflow/checkpoint.hpp"

namespace sda {
namespace {

namespace fs = std::filesystem;

/// What decides the trajectories that come out.
std::string recipe_of_filter(const FilterFiles& files, const Experiment& experiment) {
  Experiment only;
  only.dynamics = experiment.dynamics;
  only.filter = experiment.filter;
  only.filter.save_minutes = ParticleFilterParameters{}.save_minutes;  // when to save changes no trajectory
  return fmt::format("observations_crc32 = \"{}\"\n", checksum_of_file(files.observations)) + to_toml(only);
}

}  // namespace

std::optional<StoppedFilter> stopped_filter(const FilterFiles& files, const Experiment& experiment,
                                            std::optional<std::uint64_t> seed_given) {
  if (!files.resume) return std::nullopt;
  const std::string path = checkpoint_of(files.ensemble);
  require_saved(path);
  StoppedFilter stopped = read_stopped_filter(path);
  require_same_run(path, recipe_of_filter(files, experiment), stopped.recipe, stopped.provenance.seed, seed_given);
  return stopped;
}

FilterResult filter_to_file(const Dynamics& dynamics, const Observations& observations, const Experiment& experiment,
                            const FilterFiles& files, std::optional<StoppedFilter> stopped,
                            const Provenance& provenance, const Telling& telling) {
  prepare_output(files.ensemble);
  const std::string checkpoint = checkpoint_of(files.ensemble);
  const std::string recipe = stopped ? stopped->recipe : recipe_of_filter(files, experiment);
  bool saved = stopped.has_value();
  FilterSaving saving{.save = [&](const FilterState& state) {
    write_stopped_filter(checkpoint, {state, recipe, provenance});
    saved = true;
    telling.say(fmt::format("saved in {}", checkpoint));
  }};
  if (stopped) {
    telling.say(fmt::format("going on after state {} of {}", stopped->state.states_done, observations.length));
    saving.from = std::move(stopped->state);
  } else if (fs::exists(checkpoint)) {
    telling.warn(of_an_earlier_run(checkpoint));
  }
  try {
    FilterResult result =
        particle_filter(dynamics, observations, experiment.filter, provenance.seed, telling.progress, saving);
    write_ensemble(files.ensemble, result.ensemble, {.seconds = result.seconds}, provenance);
    std::error_code ignored;
    if (saved) fs::remove(checkpoint, ignored);
    return result;
  } catch (const Interrupted& stop) {
    throw Interrupted(stop, saved_in(saved ? checkpoint : ""));
  }
}

}  // namespace sda
