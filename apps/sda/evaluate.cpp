/// sda evaluate: how good ensembles of one observation are, beside the filter's.
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "scoring.hpp"
#include "sda/core/error.hpp"

namespace sda::app {
namespace {

struct Options {
  std::string observations, reference, floor;
  std::vector<std::string> ensembles;
  ScoringFlags scoring;
  bool json = false;
};

nlohmann::json to_json(const std::optional<Estimate>& estimate) {
  if (!estimate) return nullptr;
  return {{"value", estimate->value}, {"standard_error", estimate->standard_error}};
}

nlohmann::json to_json(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

nlohmann::json coverage_of(const std::vector<std::int64_t>& ranks) {
  if (ranks.empty()) return nullptr;
  return {{"50", coverage(ranks, 0.5)}, {"90", coverage(ranks, 0.9)}};
}

nlohmann::json to_json(const std::optional<Skill>& skill) {
  if (!skill) return nullptr;
  return {{"components", skill->components}, {"rmse", skill->rmse},   {"spread", to_json(skill->spread)},
          {"crps", to_json(skill->crps)},    {"ranks", skill->ranks}, {"coverage", coverage_of(skill->ranks)}};
}

nlohmann::json to_json(const FieldScores& scores) {
  nlohmann::json departures;
  for (const auto& [part, over_noise] : scores.departures) departures[part] = to_json(std::optional(over_noise));
  nlohmann::json spectrum;
  if (scores.spectrum) spectrum = {{"least", scores.spectrum->min}, {"largest", scores.spectrum->largest}};
  return {{"departure_over_noise", departures},
          {"observed", to_json(scores.observed)},
          {"unobserved", to_json(scores.unobserved)},
          {"one_step_error", to_json(scores.one_step)},
          {"truth_one_step_error", to_json(scores.truth_one_step)},
          {"spectrum_ratio", spectrum}};
}

nlohmann::json to_json(const ScoredEnsemble& row) {
  const EnsembleScores& scores = row.scores;
  nlohmann::json json = {{"file", row.file},
                         {"method", scores.method},
                         {"members", scores.members},
                         {"wasserstein", to_json(scores.wasserstein)},
                         {"wasserstein_floor", to_json(scores.wasserstein_floor)},
                         {"log_prior", to_json(scores.log_prior)},
                         {"log_likelihood", to_json(scores.log_likelihood)},
                         {"rmse", to_json(scores.rmse)},
                         {"spread", to_json(scores.spread)},
                         {"crps", to_json(scores.crps)},
                         {"ranks", scores.ranks},
                         {"coverage", coverage_of(scores.ranks)},
                         {"evaluations", row.cost.evaluations},
                         {"seconds", row.cost.seconds}};
  if (row.fields) json["fields"] = to_json(*row.fields);
  return json;
}

void evaluate(const Options& options, const Globals& globals) {
  const Scoring scoring(options.observations, options.scoring, globals.seed);
  std::vector<ScoredEnsemble> rows;
  Tensor reference;
  std::optional<EnsembleFile> reference_file;
  if (!options.reference.empty()) {
    reference_file = read_ensemble_of(options.reference, scoring.observations());
    reference = reference_file->ensemble.members;
  }
  Tensor second;
  if (!options.floor.empty()) second = read_ensemble_of(options.floor, scoring.observations()).ensemble.members;
  {
    ProgressBar bar = globals.progress("evaluate", "ensembles");
    for (const auto& path : options.ensembles) {
      const EnsembleFile file = read_ensemble_of(path, scoring.observations());
      rows.push_back(scoring.score(path, file, reference, second));
      bar.update(static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(options.ensembles.size()));
    }
  }
  for (auto& row : scoring.score_interpolations()) rows.push_back(std::move(row));
  // The filter's own line last, for comparison; its distance to itself says nothing.
  if (reference_file) rows.push_back(scoring.score(options.reference, *reference_file));

  if (!options.json) {
    print(score_table(rows) + scoring.remark());
    return;
  }
  nlohmann::json document{{"observations", options.observations}, {"name", scoring.observations().name}};
  if (reference_file) {
    document["reference"] = to_json(rows.back());
    rows.pop_back();
  }
  document["ensembles"] = nlohmann::json::array();
  for (const auto& row : rows) document["ensembles"].push_back(to_json(row));
  say(document.dump(2));
}

}  // namespace

Subcommand evaluate_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* flags = add_subcommand(program, "evaluate", "Score ensembles of an observation beside the filter's",
                                   "sda evaluate --obs run/lo.nc --reference run/lo_filter.nc run/lo_posterior.nc");
  flags->add_option("--obs", options->observations, "observation file")->required()->type_name(value::file);
  flags->add_option("--reference", options->reference, "ensemble to compare with, mostly the particle filter's")
      ->type_name(value::file);
  flags
      ->add_option("--floor", options->floor,
                   "the filter run once more with another seed: how far apart two filters are; without it two parts of "
                   "the reference are compared")
      ->type_name(value::file)
      ->needs("--reference");
  flags->add_option("ENSEMBLE", options->ensembles, "ensemble files")->required()->type_name(value::file);
  add_scoring_flags(*flags, options->scoring);
  flags->add_flag("--json", options->json, "JSON in place of the table");
  return {flags, [options, &globals] { evaluate(*options, globals); }};
}

}  // namespace sda::app
