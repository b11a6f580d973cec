/// Trajectories and ensembles: states in physical units, dimensions (time, realization, …space).
#include <fmt/format.h>

#include <filesystem>

#include "core/torch.hpp"
#include "data/files/fields.hpp"
#include "data/files/head.hpp"
#include "data/files/layout.hpp"
#include "data/formats/reading.hpp"

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

/// Mean and standard deviation over members beside them, (time, …space); left out where a variable has that name.
void write_moments(WritableGroup& file, const Ensemble& ensemble) {
  const StateLayout& layout = ensemble.layout;
  std::vector<std::string> dimensions{"time"};
  dimensions.insert(dimensions.end(), layout.space_names.begin(), layout.space_names.end());
  const auto write = [&](std::size_t index, const std::string& ending, const Tensor& values,
                         const Attributes& attributes) {
    const auto name = layout.variables[index].name + ending;
    for (const auto& variable : layout.variables) {
      if (variable.name == name) return;
    }
    write_field(file, layout, index, name, dimensions, values, attributes, Masked::missing);
  };
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const Variable& variable = layout.variables[i];
    const Tensor members = channel(ensemble.members, layout, i);
    Attributes of_mean = attributes_of(variable, "mean of ");
    of_mean.emplace_back("cell_methods", "realization: mean");
    write(i, "_mean", members.mean(0), of_mean);
    if (members.size(0) < 2) continue;
    write(i, "_spread", members.std(0, /*unbiased=*/true),
          {{"long_name", "standard deviation of " + variable.long_name},
           {"units", variable.units},
           {"cell_methods", "realization: standard_deviation"}});
  }
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
  NetcdfWriter writer(path);
  WritableGroup file = writer.root();
  write_head(file, FileKind::ensemble, "Posterior ensemble", provenance);
  file.attributes(
      {{"sda_method", ensemble.method}, {"sda_seconds", cost.seconds}, {"sda_evaluations", cost.evaluations}});
  write_layout(file, ensemble.layout);
  write_states(file, ensemble.layout, ensemble.members, ensemble.start_time, Masked::missing);
  write_moments(file, ensemble);
  writer.commit();
}

void write_member(const std::string& path, const Ensemble& ensemble, std::int64_t member,
                  const Provenance& provenance) {
  const StateLayout& layout = ensemble.layout;
  NetcdfWriter writer(path);
  WritableGroup file = writer.root();
  write_origin(file, "Member of a posterior ensemble", provenance);
  file.attributes({{"realization_index", member}});
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

void write_members(const std::string& path, const Ensemble& ensemble, const Provenance& provenance) {
  const std::filesystem::path whole(path);
  for (std::int64_t member = 0; member < ensemble.members.size(0); ++member) {
    const auto name = fmt::format("{}_{:04}{}", whole.stem().string(), member, whole.extension().string());
    write_member((whole.parent_path() / name).string(), ensemble, member, provenance);
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
