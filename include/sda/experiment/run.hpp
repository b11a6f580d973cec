/// What a run starts from: the configuration of a file or of the input files, the observation asked for, a prior that
/// is yet to be trained; and whether it may go on with what an earlier run left.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sda/core/provenance.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/observation/observations.hpp"
#include "sda/prior/prior.hpp"

namespace sda {

/// `config`, an experiment file, if it is given; else what `provenance` (of the input file `where`) recorded; else the
/// defaults. Throws as read_experiment.
Experiment base_experiment(const std::string& config, const Provenance& provenance, const std::string& where);

/// What a file recorded is not what its reader typed: throws FileError where TorchScript that `where` names would be
/// run without AllowCode, as the network or by an observation's operator.
void require_no_code(const NetworkParameters& network, const std::string& where);
void require_no_code(const ObservationParameters& observation, const std::string& where);

/// The experiment to sample posteriors by a trained prior with: base_experiment, and `quality` over it. Network and
/// schedule are the prior's. Where `config` is empty and the model's record is of 0.1, whose default was the paper's
/// sampler, that sampler is no choice of anybody's and Quality::good takes its place
/// (docs/decisions/0020-defaults.md).
Experiment posterior_experiment(const std::string& config, const ModelFile& model, const std::string& where,
                                std::optional<Quality> quality);

/// As apply_overrides. Keys of `fixed` sections come from input files: to set them would change nothing but the record,
/// so a UsageError refuses it.
void apply_overrides(Experiment& experiment, const std::vector<Override>& overrides,
                     const std::vector<std::string>& fixed);

/// The [observation.NAME] asked for; the only one there is if `name` is empty. Throws UsageError of --name.
std::pair<std::string, ObservationParameters> chosen_observation(const Experiment& experiment, const std::string& name);

/// A prior of states such as the data's, with the first weights of the experiment's network. Throws UsageError where
/// the data have context fields that the network has no place for.
Prior prior_of(const Experiment& experiment, const TrajectoryFile& data, std::uint64_t seed);

/// Throws UsageError where `path` holds work of another `recipe` (TOML), or of another seed than the one given, so that
/// two runs are not mixed up.
void require_same_run(const std::string& path, const std::string& recipe, const std::string& recipe_of_path,
                      std::uint64_t seed_of_path, std::optional<std::uint64_t> seed_given);

/// The [dynamics] that a model's states came from, TOML; empty where they were imported.
std::string dynamics_of(const ModelFile& model, const std::string& path);
/// What to know before observations of other programs are taken for those of a mirrored Lorenz 1996, a line; of any
/// other `dynamics` (TOML, of the file `path`) empty.
std::string remark_on_ring(const std::string& dynamics, const std::string& path);
/// Throws FileError where one of a model and observations is of the published Lorenz 1996 and the other of the mirrored
/// one, by the [dynamics] that they record; empty ones are of other programs.
void require_one_ring(const std::string& dynamics, const std::string& model, const std::string& observed,
                      const std::string& observations);

/// Throws FileError where the states of the file `path` are not those that `observations` observe.
void require_same_states(const std::string& path, const StateLayout& layout, std::int64_t length,
                         const Observations& observations);

}  // namespace sda
