// Assimilation on files: go on from what a stopped run left, draw and save, write the ensemble.
#include "sda/workflow/assimilate.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "core/torch.hpp"
#include "sda/assimilation/quality.hpp"
#include "sda/core/error.hpp"
#include "sda/core/going_on.hpp"
#include "sda/data/files.hpp"
#include "sda/data/formats/atomic_file.hpp"
#include "sda/evaluation/misfit.hpp"
#include "sda/experiment/run.hpp"
#include "sda/guidance/likelihood_rule.hpp"
#include "workflow/checkpoint.hpp"

namespace sda {
namespace {

namespace fs = std::filesystem;

/// What decides the members that come out.
std::string recipe_of_members(const AssimilationFiles& files, const Experiment& experiment) {
  Experiment only;
  only.guidance = experiment.guidance;
  only.sampler = experiment.sampler;
  only.assimilation = experiment.assimilation;
  only.assimilation.save_minutes = AssimilationParameters{}.save_minutes;  // when to save changes no member
  return fmt::format("model_crc32 = \"{}\"\nobservations_crc32 = \"{}\"\n", checksum_of_file(files.model),
                     checksum_of_file(files.observations)) +
         to_toml(only);
}

}  // namespace

std::string judge_analysis(const Assimilation& result, const Prior& prior, const Observations& observations,
                           const PosteriorParameters& parameters, bool keep_diverged) {
  if (likelihood_rule_kind(parameters.guidance.rule) == nullptr) return "";
  const MisfitSummary found = misfit(observations, result.normalised);
  if (!keep_diverged)
    require_explained(found, largest_member(parameters.assimilation),
                      advice_on_misfit(parameters, prior) + "; --keep-diverged writes these members all the same");
  return in_words(found);
}

std::optional<StoppedAssimilation> stopped_assimilation(const AssimilationFiles& files, const Experiment& experiment,
                                                        std::optional<std::uint64_t> seed_given) {
  if (!files.resume) return std::nullopt;
  const std::string path = checkpoint_of(files.ensemble);
  require_saved(path);
  StoppedAssimilation stopped = read_stopped_assimilation(path);
  require_same_run(path, recipe_of_members(files, experiment), stopped.recipe, stopped.provenance.seed, seed_given);
  return stopped;
}

Assimilation assimilate_to_file(const Prior& prior, const Observations& observations, const Experiment& experiment,
                                const AssimilationFiles& files, std::optional<StoppedAssimilation> stopped,
                                const Provenance& provenance, const Telling& telling) {
  require_writable(files.ensemble);
  const std::string checkpoint = checkpoint_of(files.ensemble);
  const std::string recipe = stopped ? stopped->recipe : recipe_of_members(files, experiment);
  bool saved = stopped.has_value();
  AssimilationSaving saving{.save = [&](const AssimilationState& state) {
    write_stopped_assimilation(checkpoint, {state, recipe, provenance});
    saved = true;
    telling.say(fmt::format("saved in {}", checkpoint));
  }};
  if (stopped) {
    telling.say(fmt::format("going on after {} stages of the sampler, chunk {} of {}",
                            stopped->state.sampler.stages_done, stopped->state.chunk + 1, stopped->state.chunks));
    saving.from = std::move(stopped->state);
  } else if (fs::exists(checkpoint)) {
    telling.warn(of_an_earlier_run(checkpoint));
  }
  try {
    Assimilation result =
        assimilate(prior, observations, experiment.posterior(), provenance.seed, telling.progress, saving);
    const auto remark = judge_analysis(result, prior, observations, experiment.posterior(), files.keep_diverged);
    if (!remark.empty()) telling.warn(remark);
    write_ensemble(files.ensemble, result.ensemble, result.cost, provenance);
    if (files.split_members) write_members(files.ensemble, result.ensemble, provenance);
    std::error_code ignored;
    if (saved) fs::remove(checkpoint, ignored);
    return result;
  } catch (const Interrupted& stop) {
    throw Interrupted(stop, saved_in(saved ? checkpoint : ""));
  }
}

}  // namespace sda
