/// Trajectories of a model that is not ours: NetCDF files in the user's own words → states, names, units, coordinates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/core/trajectories.hpp"

namespace sda {

/// [data]
struct DataParameters {
  std::vector<std::string> files{};
  std::vector<std::string> variables{};
  std::string trajectory{};
  std::string time = "time";
  std::string level{};
  std::vector<std::string> space{};
  std::string join = "trajectory";
  double step = 0;
  std::string gaps = "refuse";
  std::int64_t skip = 0;
  std::int64_t length = 0;
  std::string missing = "refuse";
  std::vector<std::string> context{};
  double train = 0.8, valid = 0.1;
};
template <class Visitor>
void fields(Visitor& v, DataParameters& p) {
  v("files", p.files, "NetCDF files, or patterns such as runs/*.nc", any());
  v("variables", p.variables, "variables that make a state, each normalised by itself", any());
  v("trajectory", p.trajectory, "dimension that counts trajectories or members; empty: a file holds one", any());
  v("time", p.time, "dimension of time", any());
  v("level", p.level, "dimension of levels, each of which becomes a variable of its own; empty: none", any());
  v("space", p.space, "dimensions of space, such as [y, x], at most two for a unet; none for states that are no fields",
    any());
  v("join", p.join, "what follows in the next file: another trajectory, or the time after the file before it",
    one_of({"trajectory", "time"}));
  v("step", p.step, "time between states, where files have no coordinate of time; 0: theirs", at_least(0));
  v("gaps", p.gaps, "where states are missing in time: refuse, or cut the trajectory there", one_of({"refuse", "cut"}));
  v("skip", p.skip, "states left out at the start of each trajectory", at_least(0));
  v("length", p.length, "states of the pieces that trajectories are cut into; 0: they stay whole", at_least(0));
  v("missing", p.missing, "values that are missing always: refuse, or mask them (land)", one_of({"refuse", "mask"}));
  v("context", p.context, "fields constant in time that the network sees beside the state: NAME, or FILE:NAME", any());
  v("train", p.train, "share of trajectories to train on", between(0, 1));
  v("valid", p.valid, "share of trajectories to validate on; the rest is for tests", between(0, 1));
}

/// What was read: trajectories of one length, in the order of files, trajectories and time.
struct UserData {
  Trajectories trajectories;
  std::vector<double> start_times;  ///< of each trajectory
  Tensor context{};                 ///< (c, …space), each of mean 0 and deviation 1; undefined for none
  std::size_t files = 0;
  std::int64_t left_over = 0;  ///< states at the ends of trajectories that were too few for another piece
};

/// Reads what [data] names. The order of a variable's dimensions does not matter, packed values are unpacked,
/// dimensions of size 1 that are not named are dropped. Values missing under a mask are set to their variable's mean.
/// Throws UsageError for [data] that does not say enough or does not fit the files; FileError, naming file and place,
/// for times that are not equally spaced, repeat or run backwards, for values that are missing or not finite, and for
/// files that do not agree with each other.
UserData read_user_data(const DataParameters& parameters);

/// Mean and standard deviation of each channel over all that is not masked. Throws ValueError naming a variable
/// that has the same value everywhere.
Normalisation channel_normalisation(const Tensor& states, const StateLayout& layout);

}  // namespace sda
