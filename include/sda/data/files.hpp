/// Trajectories, observations and ensembles in files of ours: NetCDF-4, CF-style, written to a temporary name and
/// renamed. Each carries its Provenance. Readers throw FileError that names the file, the variable, what was found and
/// what was expected. A file that was damaged since it was written is refused; one that another program changed is
/// read.
#pragma once

#include <string>
#include <vector>

#include "sda/core/provenance.hpp"
#include "sda/core/trajectories.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

/// What a file holds, from its attribute `sda_kind`.
enum class FileKind {
  trajectories,
  observations,
  ensemble,
  model,
  stopped_assimilation,
  drawn_members,
  stopped_filter
};
std::string to_string(FileKind kind);

void write_trajectories(const std::string& path, const Trajectories& trajectories, const Normalisation& normalisation,
                        const std::string& dynamics_toml, const Provenance& provenance);
struct TrajectoryFile {
  Trajectories trajectories;
  Normalisation normalisation;
  std::string dynamics;  ///< the [dynamics] section the states came from, TOML; empty for foreign files
  Provenance provenance;
  Tensor context{};                   ///< as Dynamics::context, of states that were imported; undefined for none
  std::vector<double> start_times{};  ///< of each trajectory, where they differ; else empty

  double start_time(std::int64_t trajectory) const {
    return start_times.empty() ? trajectories.start_time : start_times.at(static_cast<std::size_t>(trajectory));
  }
};
/// The same with all that a file can hold.
void write_trajectories(const std::string& path, const TrajectoryFile& file);
TrajectoryFile read_trajectories(const std::string& path);

void write_observations(const std::string& path, const Observations& observations, const std::string& dynamics_toml,
                        const Provenance& provenance);
struct ObservationFile {
  Observations observations;
  std::string dynamics;
  Provenance provenance;
};
ObservationFile read_observations(const std::string& path);

/// Dimensions (time, realization, …space), time unlimited and first, so that CDO takes it. Beside each variable its
/// mean and, of several members, its standard deviation (VARIABLE_mean, VARIABLE_spread). What is masked is missing
/// there. EnsembleWriter writes the same of members that come some at a time.
void write_ensemble(const std::string& path, const Ensemble& ensemble, const EnsembleCost& cost,
                    const Provenance& provenance);
/// One member alone, (time, …space) with the layout's coordinates, for programs that want a file a member. No file of
/// ours. These are members from `first` on of their ensemble.
void write_member(const std::string& path, const Ensemble& ensemble, std::int64_t member, const Provenance& provenance,
                  std::int64_t first = 0);
/// The same of every member, each beside `path`: posterior_0007.nc for posterior.nc.
void write_members(const std::string& path, const Ensemble& ensemble, const Provenance& provenance,
                   std::int64_t first = 0);
struct EnsembleFile {
  Ensemble ensemble;
  EnsembleCost cost;
  Provenance provenance;
};
EnsembleFile read_ensemble(const std::string& path);

/// What `sda inspect` prints of any file of ours.
std::string describe_file(const std::string& path);

}  // namespace sda
