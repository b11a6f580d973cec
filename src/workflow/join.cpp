/// Parts of an ensemble put together.
#include "sda/workflow/join.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/progress.hpp"
#include "sda/data/files/ensemble_reader.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/experiment/run.hpp"
#include "workflow/checkpoint.hpp"

namespace sda {
namespace {

constexpr std::int64_t bytes_at_once = std::int64_t{64} << 20;

struct EnsemblePart {
  std::string path;
  std::unique_ptr<EnsembleReader> reader;
  Experiment experiment;
};

/// All that is the same in every part, as TOML.
std::string recipe_of_part(const EnsemblePart& part, std::int64_t members) {
  const EnsembleHead& head = part.reader->head();
  Experiment of_all = part.experiment;
  of_all.assimilation.members = members;
  of_all.assimilation.save_minutes = AssimilationParameters{}.save_minutes;
  of_all.assimilation.compression = AssimilationParameters{}.compression;
  return fmt::format("seed = {}\nmethod = \"{}\"\nstates = {}\nevent = \"{}\"\nstart_time = {}\nevaluations = {}\n",
                     head.provenance.seed, head.method, head.length, to_string(head.layout.event), head.start_time,
                     part.reader->cost().evaluations) +
         head.inputs + to_toml(of_all);
}

std::vector<EnsemblePart> open_parts(const std::vector<std::string>& paths) {
  std::vector<EnsemblePart> parts;
  for (const auto& path : paths) {
    auto reader = std::make_unique<EnsembleReader>(path);
    Experiment experiment = read_recorded_experiment(reader->head().provenance.config, path);
    parts.push_back({path, std::move(reader), std::move(experiment)});
  }
  std::sort(parts.begin(), parts.end(),
            [](const auto& a, const auto& b) { return a.reader->head().first_member < b.reader->head().first_member; });
  return parts;
}

/// Throws FileError unless each part goes on where the one before it ends, with the same recipe.
void require_one_ensemble(const std::vector<EnsemblePart>& parts) {
  std::int64_t next = parts.front().reader->head().first_member;
  const std::string recipe = recipe_of_part(parts.front(), 1);
  for (const auto& part : parts) {
    const EnsembleHead& head = part.reader->head();
    if (const std::string found = recipe_of_part(part, 1); found != recipe) {
      const auto [is, expected] = first_difference(found, recipe);
      throw FileError({.what = "is no part of the ensemble that " + parts.front().path + " is a part of",
                       .where = part.path,
                       .found = is,
                       .expected = expected});
    }
    if (head.first_member != next) {
      throw FileError({.what = head.first_member > next ? "members before it are missing" : "members are there twice",
                       .where = part.path,
                       .found = fmt::format("members from {} on", head.first_member),
                       .expected = fmt::format("from {} on", next)});
    }
    next += head.members;
  }
}

}  // namespace

JoinReport join_ensembles(const std::vector<std::string>& paths, const std::string& path, const std::string& command,
                          std::int64_t compression) {
  if (paths.empty()) throw UsageError({.what = "no parts to join", .expected = "ensemble files"});
  const std::vector<EnsemblePart> parts = open_parts(paths);
  require_one_ensemble(parts);
  prepare_output(path);
  JoinReport report{.parts = parts.size()};
  EnsembleCost cost{.evaluations = parts.front().reader->cost().evaluations};
  for (const auto& part : parts) {
    report.members += part.reader->head().members;
    cost.seconds += part.reader->cost().seconds;
  }
  EnsembleHead head = parts.front().reader->head();
  Experiment of_all = parts.front().experiment;
  of_all.assimilation.members = report.members;
  head.members = report.members;
  head.compression = compression;
  head.provenance = make_provenance(command, to_toml(of_all), head.provenance.seed);
  EnsembleWriter writer(path, head);
  const std::int64_t bytes_of_member =
      head.length * count(head.layout.event) * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t at_once = std::max<std::int64_t>(1, bytes_at_once / bytes_of_member);
  for (const auto& part : parts) {
    const std::int64_t members = part.reader->head().members;
    for (std::int64_t first = 0; first < members; first += at_once)
      writer.add(part.reader->read(first, std::min(at_once, members - first)));
  }
  writer.commit(cost);
  return report;
}

}  // namespace sda
