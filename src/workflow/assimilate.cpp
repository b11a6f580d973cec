// Assimilation on files: go on from what a stopped run left, draw and save, write the ensemble.
#include "sda/workflow/assimilate.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "core/torch.hpp"
#include "sda/assimilation/quality.hpp"
#include "sda/core/error.hpp"
#include "sda/core/going_on.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/ensemble_writer.hpp"
#include "sda/evaluation/misfit.hpp"
#include "sda/experiment/run.hpp"
#include "sda/experiment/saved_drawing.hpp"
#include "sda/guidance/likelihood_rule.hpp"
#include "workflow/checkpoint.hpp"

namespace sda {
namespace {

namespace fs = std::filesystem;

std::string checksums_of_inputs(const AssimilationFiles& files) {
  return fmt::format("model_crc32 = \"{}\"\nobservations_crc32 = \"{}\"\n", checksum_of_file(files.model),
                     checksum_of_file(files.observations));
}

/// What decides the members that come out.
std::string recipe_of_members(const AssimilationFiles& files, const Experiment& experiment) {
  Experiment only;
  only.guidance = experiment.guidance;
  only.sampler = experiment.sampler;
  only.assimilation = experiment.assimilation;
  // When to save and how to store change no member.
  only.assimilation.save_minutes = AssimilationParameters{}.save_minutes;
  only.assimilation.compression = AssimilationParameters{}.compression;
  return checksums_of_inputs(files) + fmt::format("first_member = {}\n", experiment.assimilation.first_member) +
         to_toml(only);
}

}  // namespace

std::string judge_analysis(const MisfitSummary& found, const Prior& prior, const PosteriorParameters& parameters,
                           bool keep_diverged) {
  if (likelihood_rule_kind(parameters.guidance.rule) == nullptr) return "";
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

namespace {

/// Writes what was drawn, a chunk of members in memory at a time, once it is judged.
AssimilationReport write_drawn(const SavedDrawing& drawing, const Prior& prior, const Observations& observations,
                               const PosteriorParameters& parameters, const AssimilationFiles& files,
                               const EnsembleCost& cost, const Provenance& provenance, const Telling& telling) {
  const AssimilationParameters& drawn = parameters.assimilation;
  AssimilationReport report{.method = method_name(parameters.guidance), .cost = cost};
  EnsembleWriter writer(files.ensemble, {.layout = prior.layout,
                                         .members = drawn.members,
                                         .length = observations.length,
                                         .start_time = observations.start_time,
                                         .method = report.method,
                                         .first_member = drawn.first_member,
                                         .compression = drawn.compression,
                                         .inputs = checksums_of_inputs(files),
                                         .provenance = provenance});
  MisfitOfMembers misfit(observations);
  double squares = 0;
  drawing.each([&](std::int64_t, const Tensor& members) {
    writer.add(prior.normalisation.denormalise(members));
    misfit.add(members);
    const double departure = observations.departure_over_sigma(members);
    squares += static_cast<double>(members.size(0)) * departure * departure;
  });
  report.departure_over_sigma = std::sqrt(squares / static_cast<double>(drawn.members));
  const auto remark = judge_analysis(misfit.summary(), prior, parameters, files.keep_diverged);
  if (!remark.empty()) telling.warn(remark);
  writer.commit(cost);
  if (!files.split_members) return report;
  drawing.each([&](std::int64_t first, const Tensor& members) {
    write_members(files.ensemble,
                  {.layout = prior.layout,
                   .members = prior.normalisation.denormalise(members),
                   .start_time = observations.start_time,
                   .method = report.method},
                  provenance, drawn.first_member + first);
  });
  return report;
}

}  // namespace

AssimilationReport assimilate_to_file(const Prior& prior, const Observations& observations,
                                      const Experiment& experiment, const AssimilationFiles& files,
                                      std::optional<StoppedAssimilation> stopped, const Provenance& provenance,
                                      const Telling& telling, const RankGrid& ranks) {
  if (!ranks.is_first()) {
    const AssimilationSaving saving{.from = stopped ? std::optional(std::move(stopped->state)) : std::nullopt};
    draw_members(prior, observations, experiment.posterior(), provenance.seed, {}, {}, saving, ranks);
    return {};
  }
  prepare_output(files.ensemble);
  const std::string checkpoint = checkpoint_of(files.ensemble);
  SavedDrawing drawing(checkpoint, stopped ? stopped->recipe : recipe_of_members(files, experiment), provenance,
                       telling.info);
  std::optional<AssimilationState> from;
  if (stopped) {
    from = std::move(stopped->state);
    telling.say(fmt::format("going on after {} stages of the sampler, {} of {} chunks of members done",
                            from->sampler.stages_done, from->chunk, from->chunks));
  } else if (fs::exists(checkpoint)) {
    telling.warn(of_an_earlier_run(checkpoint));
  }
  const EnsembleCost cost =
      drawing.draw(prior, observations, experiment.posterior(), std::move(from), telling.progress, ranks);
  const AssimilationReport report =
      write_drawn(drawing, prior, observations, experiment.posterior(), files, cost, provenance, telling);
  drawing.remove();
  return report;
}

}  // namespace sda
