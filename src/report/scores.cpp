#include "sda/report/scores.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "sda/report/table.hpp"

namespace sda {
namespace {

using Row = TableRow;

std::string score_cell(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string score_cell(const std::optional<Estimate>& value, int digits) {
  return value ? fmt::format("{:.{}f} ± {:.{}f}", value->value, digits, value->standard_error, digits) : "-";
}

/// A file's name in a table.
std::string stem_of(const std::string& file) {
  return file.empty() ? "-" : std::filesystem::path(file).stem().string();
}

/// A second table, of what only fields have; empty if no row has any.
std::string field_table(const std::vector<ScoredEnsemble>& rows) {
  std::vector<Row> cells{{"observation", "ensemble", "method", "departure / noise", "one-step error", "the truth's",
                          "spectrum ratio", "RMSE seen", "unseen", "spread seen", "unseen", "CRPS seen", "unseen"}};
  for (const auto& row : rows) {
    if (!row.fields) continue;
    const FieldScores& f = *row.fields;
    std::vector<std::string> departures;
    for (const auto& [part, over_noise] : f.departures) {
      departures.push_back((f.departures.size() > 1 ? part + " " : "") + score_cell(over_noise, 3));
    }
    const auto skill_cell = [](const std::optional<Skill>& skill, const auto& member) {
      return skill ? score_cell(std::optional<double>((*skill).*member), 3) : "-";
    };
    cells.push_back({row.of, stem_of(row.file), row.scores.method, fmt::format("{}", fmt::join(departures, ", ")),
                     score_cell(f.one_step, 4), f.truth_one_step ? score_cell(f.truth_one_step->value, 4) : "-",
                     f.spectrum ? fmt::format("{:.2f} … {:.2f}", f.spectrum->min, f.spectrum->largest) : "-",
                     skill_cell(f.observed, &Skill::rmse), skill_cell(f.unobserved, &Skill::rmse),
                     skill_cell(f.observed, &Skill::spread), skill_cell(f.unobserved, &Skill::spread),
                     skill_cell(f.observed, &Skill::crps), skill_cell(f.unobserved, &Skill::crps)});
  }
  return cells.size() > 1 ? fmt::format("\n{}", aligned(cells, 3)) : "";
}

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

nlohmann::json to_json(const MisfitSummary& misfit) {
  nlohmann::json excess = nlohmann::json::array();
  for (const auto& groups : misfit.by) {
    for (const auto& one : groups.excess) {
      excess.push_back({{"of", one.of}, {"observations", one.observations}, {"chi_square", one.chi_square}});
    }
  }
  return {{"observations", misfit.all.observations},
          {"chi_square", misfit.all.chi_square},
          {"is_excess", misfit.is_excess},
          {"excess", excess},
          {"in_words", in_words(misfit)}};
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
                         {"misfit", to_json(scores.misfit)},
                         {"evaluations", row.cost.evaluations},
                         {"seconds", row.cost.seconds}};
  if (row.fields) json["fields"] = to_json(*row.fields);
  return json;
}

}  // namespace

std::string score_table(const std::vector<ScoredEnsemble>& rows) {
  std::vector<Row> cells{{"observation", "ensemble", "method", "members", "W1 to filter", "filter to filter",
                          "log-prior", "log-likelihood", "RMSE", "spread", "CRPS", "evaluations", "seconds"}};
  for (const auto& [of, file, cost, scores, fields] : rows) {
    cells.push_back(
        {of, stem_of(file), scores.method, fmt::format("{}", scores.members), score_cell(scores.wasserstein, 2),
         score_cell(scores.wasserstein_floor, 2), score_cell(scores.log_prior, 1), score_cell(scores.log_likelihood, 1),
         score_cell(scores.rmse, 3), score_cell(scores.spread, 3), score_cell(scores.crps, 3),
         cost.evaluations > 0 ? fmt::format("{}", cost.evaluations) : "-", fmt::format("{:.1f}", cost.seconds)});
  }
  return aligned(cells, 3) + field_table(rows);
}

std::string score_json(const std::string& name, const std::string& observations,
                       const std::vector<ScoredEnsemble>& rows, const std::optional<ScoredEnsemble>& reference) {
  nlohmann::json document{{"observations", observations}, {"name", name}};
  if (reference) document["reference"] = to_json(*reference);
  document["ensembles"] = nlohmann::json::array();
  for (const auto& row : rows) document["ensembles"].push_back(to_json(row));
  return document.dump(2);
}

}  // namespace sda
