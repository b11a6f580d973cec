/// TOML for experiments: one typed structure for all sections, read, overridden, checked and written back.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sda/assimilation/quality.hpp"
#include "sda/baselines/baseline.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/data/import.hpp"
#include "sda/data/observations.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/dynamics/systems.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/observation/observations.hpp"
#include "sda/prior/network.hpp"
#include "sda/sampling/sampler.hpp"
#include "sda/training/trainer.hpp"

namespace sda {

/// [simulation]
struct SimulationParameters {
  std::int64_t trajectories = 1024;
  std::int64_t length = 1024;
  std::int64_t spin_up = 1024;
  double train = 0.8, valid = 0.1;  ///< shares; the rest is test
  double save_minutes = 5;          ///< between savings of what is done
};
template <class Visitor>
void fields(Visitor& v, SimulationParameters& p) {
  v("trajectories", p.trajectories, "trajectories simulated", at_least(1));
  v("length", p.length, "states kept of each", at_least(1));
  v("spin_up", p.spin_up, "transitions before the first state kept", at_least(0));
  v("train", p.train, "share of trajectories to train on", between(0, 1));
  v("valid", p.valid, "share of trajectories to validate on; the rest is for tests", between(0, 1));
  v("save_minutes", p.save_minutes, "minutes between savings of what is done, to go on from with --resume", above(0));
}

/// [observation.NAME.part.PART]
struct ObservationPartParameters {
  std::vector<OperatorLink> op;  ///< key `operator`
  std::vector<double> sigma;     ///< to be given
  NoiseShape noise{};
};
template <class Visitor>
void fields(Visitor& v, ObservationPartParameters& p) {
  v("operator", p.op, "what this part reads", any());
  v("sigma", p.sigma, "standard deviation of its noise", above(0));
  fields(v, p.noise);
}

/// [observation.NAME]
struct ObservationParameters {
  std::vector<OperatorLink> op;  ///< key `operator`
  std::vector<double> sigma{0.1};
  std::int64_t length = 65;  ///< states of the trajectory observed
  NoiseShape noise{};
  std::map<std::string, ObservationPartParameters> part{};

  /// Name, chain and noise of each part; `op` and `sigma` are the only one, without a name, where no other is given.
  std::vector<ObservationPart> parts() const;
};
template <class Visitor>
void fields(Visitor& v, ObservationParameters& p) {
  v("operator", p.op, "what is read of a trajectory: links, the first applied first", any());
  v("sigma", p.sigma, "standard deviation of the noise, one for all or one for each element of an observation",
    above(0));
  v("length", p.length, "states of the trajectory observed", at_least(1));
  fields(v, p.noise);
  v("part", p.part, "where several instruments read one trajectory, each has an operator and a sigma here", any());
}

/// A whole experiment.
struct Experiment {
  DynamicsParameters dynamics;
  SimulationParameters simulation;
  DataParameters data;
  NoiseScheduleParameters schedule;
  NetworkParameters network;
  TrainingParameters training;
  std::map<std::string, ObservationParameters> observation;
  ObservationFileParameters observation_file;
  GuidanceParameters guidance;
  SamplerParameters sampler;
  AssimilationParameters assimilation;
  ParticleFilterParameters filter;
  BaselineParameters baseline;

  /// [guidance], [sampler] and [assimilation]: all that `assimilate` takes from here.
  PosteriorParameters posterior() const { return {guidance, sampler, assimilation}; }
};

/// Names every section once, as `fields` does every key.
template <class Visitor>
void sections(Visitor& v, Experiment& e) {
  v("dynamics", e.dynamics, "the system");
  v("simulation", e.simulation, "sda simulate");
  v("data", e.data, "sda import: trajectories of a model of your own");
  v("schedule", e.schedule, "the diffusion's noise");
  v("network", e.network, "the prior's network");
  v("training", e.training, "sda train");
  v("observation", e.observation, "sda observe");
  v("observation_file", e.observation_file, "sda observe --from: observations of instruments");
  v("guidance", e.guidance, "sda assimilate: the likelihood's score");
  v("sampler", e.sampler, "sda assimilate: predictor and corrector");
  v("assimilation", e.assimilation, "sda assimilate: the ensemble");
  v("filter", e.filter, "sda filter");
  v("baseline", e.baseline, "sda baseline: classical methods");
}

/// Sets what the quality is made of in [guidance], [sampler] and [assimilation].
void apply(Quality quality, Experiment& experiment);

/// One key the user set outside the file: "a.b=value", the value as TOML (a bare word is a text).
struct Override {
  std::string assignment;
  std::string flag{};  ///< as typed, for messages; empty: "--set ASSIGNMENT"
};

/// `path` empty: defaults. Unknown keys are refused with the nearest known name, values out of range with the range;
/// UsageError with file, line and key; FileError if the file cannot be read.
Experiment read_experiment(const std::string& path);
/// The same of a text that one of our own files carries; faults in it are FileErrors of the file `where`. What it
/// leaves out is as in `otherwise`; a Lorenz 1996 that does not say how its sites are counted is of 0.1 or 0.2,
/// mirrored.
Experiment read_recorded_experiment(const std::string& toml, const std::string& where, Experiment otherwise = {});
/// Puts what the user set over an experiment, the last over the first. UsageError that names the flag.
void apply_overrides(Experiment& experiment, const std::vector<Override>& overrides);
/// Every key with its value, as TOML that `read_experiment` reads back to the same. Sections at their defaults are left
/// out where they have no part: [observation_file], [data] of simulated states, [dynamics], [simulation] and [filter]
/// of imported ones.
std::string to_toml(const Experiment& experiment);
/// One section alone, without its [dynamics], for artefacts; `where` names the artefact.
std::string to_toml(const DynamicsParameters& dynamics);
DynamicsParameters read_dynamics(const std::string& toml, const std::string& where);

}  // namespace sda
