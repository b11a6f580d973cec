/// Trajectories and ensembles: states in physical units, dimensions (time, realization, …space).
#include <fmt/format.h>

#include <filesystem>

#include "core/torch.hpp"
#include "data/files/fields.hpp"
#include "data/files/head.hpp"
#include "data/files/layout.hpp"
#include "data/formats/reading.hpp"
#include "sda/data/files/ensemble_writer.hpp"

namespace sda {

using namespace io;

namespace {

constexpr const char* start_times_name = "sda_start_time";

void write_start_times(WritableGroup& file, const std::vector<double>& starts) {
  if (starts.empty()) return;
  file.variable(start_times_name, {"realization"}, at::tensor(starts, at::kDouble),
                {{"long_name", "time of the first state of each trajectory, in the units of time"}});
}

std::vector<double> read_start_times(const ReadableGroup& file, std::int64_t trajectories) {
  if (!file.has_variable(start_times_name)) return {};
  const Tensor starts = file.read(start_times_name, {trajectories}).to(at::kDouble).contiguous();
  require_finite(starts, {"realization"}, file.where(start_times_name));
  return {starts.data_ptr<double>(), starts.data_ptr<double>() + trajectories};
}

}  // namespace

void write_trajectories(const std::string& path, const Trajectories& trajectories, const Normalisation& normalisation,
                        const std::string& dynamics_toml, const Provenance& provenance) {
  write_trajectories(path, {.trajectories = trajectories,
                            .normalisation = normalisation,
                            .dynamics = dynamics_toml,
                            .provenance = provenance});
}

void write_trajectories(const std::string& path, const TrajectoryFile& contents) {
  const Trajectories& trajectories = contents.trajectories;
  NetcdfWriter writer(path);
  WritableGroup file = writer.root();
  write_head(file, FileKind::trajectories, "Trajectories", contents.provenance);
  file.attributes({{"sda_dynamics", contents.dynamics}});
  write_layout(file, trajectories.layout);
  write_states(file, trajectories.layout, trajectories.states, trajectories.start_time);
  write_start_times(file, contents.start_times);
  write_normalisation(file, trajectories.layout, contents.normalisation);
  write_context(file, trajectories.layout, contents.context);
  writer.commit();
}

TrajectoryFile read_trajectories(const std::string& path) {
  return reading_file(path, [&] {
    const NetcdfReader reader(path);
    const ReadableGroup file = reader.root();
    require_kind(file, FileKind::trajectories);
    TrajectoryFile result;
    result.provenance = read_provenance(file);
    result.dynamics = file.text_or_empty("sda_dynamics");
    const StateLayout layout = read_layout(file);
    const States states = read_states(file, layout);
    result.trajectories = {layout, states.states, states.start_time};
    result.normalisation = read_normalisation(file, layout);
    result.start_times = read_start_times(file, states.states.size(0));
    result.context = read_context(file);
    return result;
  });
}

void write_ensemble(const std::string& path, const Ensemble& ensemble, const EnsembleCost& cost,
                    const Provenance& provenance) {
  require_states(ensemble.layout, ensemble.members);
  EnsembleWriter writer(path, {.layout = ensemble.layout,
                               .members = ensemble.members.size(0),
                               .length = ensemble.members.size(1),
                               .start_time = ensemble.start_time,
                               .method = ensemble.method,
                               .provenance = provenance});
  writer.add(ensemble.members);
  writer.commit(cost);
}

void write_member(const std::string& path, const Ensemble& ensemble, std::int64_t member, const Provenance& provenance,
                  std::int64_t first) {
  const StateLayout& layout = ensemble.layout;
  NetcdfWriter writer(path);
  WritableGroup file = writer.root();
  write_origin(file, "Member of a posterior ensemble", provenance);
  file.attributes({{"realization_index", first + member}});
  write_axes(file, layout, ensemble.members.size(1), ensemble.start_time);
  write_coordinates(file, layout);
  std::vector<std::string> dimensions{"time"};
  dimensions.insert(dimensions.end(), layout.space_names.begin(), layout.space_names.end());
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const Variable& variable = layout.variables[i];
    write_field(file, layout, i, variable.name, dimensions, channel(ensemble.members.select(0, member), layout, i),
                attributes_of(variable), Masked::missing);
  }
  writer.commit();
}

void write_members(const std::string& path, const Ensemble& ensemble, const Provenance& provenance,
                   std::int64_t first) {
  const std::filesystem::path whole(path);
  for (std::int64_t member = 0; member < ensemble.members.size(0); ++member) {
    const auto name = fmt::format("{}_{:04}{}", whole.stem().string(), first + member, whole.extension().string());
    write_member((whole.parent_path() / name).string(), ensemble, member, provenance, first);
  }
}

EnsembleFile read_ensemble(const std::string& path) {
  return reading_file(path, [&] {
    const NetcdfReader reader(path);
    const ReadableGroup file = reader.root();
    require_kind(file, FileKind::ensemble);
    EnsembleFile result;
    result.provenance = read_provenance(file);
    result.cost = {.seconds = file.number("sda_seconds"), .evaluations = file.integer("sda_evaluations")};
    const StateLayout layout = read_layout(file);
    const States states = read_states(file, layout);
    result.ensemble = {layout, states.states, states.start_time, file.text("sda_method")};
    return result;
  });
}

}  // namespace sda
