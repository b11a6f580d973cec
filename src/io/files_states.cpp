/// Trajectories and ensembles: states in physical units, dimensions (time, realization, …space).
#include "io/artefact.hpp"

namespace sda {

using namespace io;

void write_trajectories(const std::string& path, const Trajectories& trajectories, const Normalisation& normalisation,
                        const std::string& dynamics_toml, const Provenance& provenance) {
  NetcdfWriter writer(path);
  WritableGroup file = writer.root();
  write_head(file, FileKind::trajectories, "Simulated trajectories", provenance);
  file.attributes({{"sda_dynamics", dynamics_toml}});
  write_layout(file, trajectories.layout);
  write_states(file, trajectories.layout, trajectories.states, trajectories.start_time);
  write_normalisation(file, trajectories.layout, normalisation);
  writer.commit();
}

TrajectoryFile read_trajectories(const std::string& path) {
  return reading(path, [&] {
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
  write_states(file, ensemble.layout, ensemble.members, ensemble.start_time);
  writer.commit();
}

EnsembleFile read_ensemble(const std::string& path) {
  return reading(path, [&] {
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
