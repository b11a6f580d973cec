/// Trajectories of a model that is not ours: NetCDF files in the user's own words → states, names, units, coordinates.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/core/provenance.hpp"
#include "sda/core/trajectories.hpp"

namespace sda {

namespace io {
struct StateSource;
}

/// What follows in the next file.
enum class FileJoin { trajectory, time };
constexpr auto choice_names(FileJoin) {
  return std::array{"trajectory", "time"};
}
/// Where states are missing in time.
enum class GapRule { refuse, cut };
constexpr auto choice_names(GapRule) {
  return std::array{"refuse", "cut"};
}
/// Values that are missing in all states.
enum class MissingRule { refuse, mask };
constexpr auto choice_names(MissingRule) {
  return std::array{"refuse", "mask"};
}

/// [data]
struct DataParameters {
  std::vector<std::string> files{};
  std::vector<std::string> variables{};
  std::string trajectory{};
  std::string time = "time";
  std::string level{};
  std::vector<std::string> space{};
  FileJoin join = FileJoin::trajectory;
  double step = 0;
  GapRule gaps = GapRule::refuse;
  std::int64_t skip = 0;
  std::int64_t length = 0;
  MissingRule missing = MissingRule::refuse;
  std::vector<std::string> context{};
  double train = 0.8, valid = 0.1;
  double file_gigabytes = 0.25;
};
template <class Visitor>
void fields(Visitor& v, DataParameters& p) {
  v("files", p.files, "NetCDF files, or patterns such as runs/*.nc", any());
  v("variables", p.variables,
    "variables that make a state, each normalised by itself; one of a group may be named by it: PRODUCT/sst", any());
  v("trajectory", p.trajectory, "dimension that counts trajectories or members; empty: a file holds one", any());
  v("time", p.time, "dimension of time", any());
  v("level", p.level, "dimension of levels, each of which becomes a variable of its own; empty: none", any());
  v("space", p.space, "dimensions of space, such as [y, x], at most two for a unet; none for states that are no fields",
    any());
  v("join", p.join, "what follows in the next file: another trajectory, or the time after the file before it");
  v("step", p.step, "time between states, where files have no coordinate of time; 0: theirs", at_least(0));
  v("gaps", p.gaps, "where states are missing in time: refuse, or cut the trajectory there");
  v("skip", p.skip, "states left out at the start of each trajectory", at_least(0));
  v("length", p.length, "states of the pieces that trajectories are cut into; 0: they stay whole", at_least(0));
  v("missing", p.missing, "values that are missing always: refuse, or mask them (land)");
  v("context", p.context, "fields constant in time that the network sees beside the state: NAME, or FILE:NAME", any());
  v("train", p.train, "share of trajectories to train on", between(0, 1));
  v("valid", p.valid, "share of trajectories to validate on; the rest is for tests", between(0, 1));
  v("file_gigabytes", p.file_gigabytes,
    "states in one file that is written: more make several, such as train_0000.nc, and twice as much is in memory",
    above(0));
}

/// Mean and standard deviation of each channel, of as many states as are added; what is NaN is left out.
class ChannelStatistics {
 public:
  /// (n, time, channel, …space)
  void add(const Tensor& states);
  /// Shaped as the layout's events. Throws ValueError naming a variable that has the same value everywhere or none.
  Normalisation result(const StateLayout& layout) const;

 private:
  Tensor count_, mean_, squares_;  ///< of each channel; squares of deviations from the mean
};

/// Trajectories of one length in files of other programs, in the order of files, trajectories and time. The order of a
/// variable's dimensions does not matter, packed values are unpacked, dimensions of size 1 that are not named are
/// dropped. States are read as many at a time as are asked for.
class UserData {
 public:
  /// Reads all but the states. Throws UsageError for [data] that does not say enough or does not fit the files;
  /// FileError, naming file and place, for times that are not equally spaced, repeat or run backwards, and for files
  /// that do not agree with each other.
  explicit UserData(const DataParameters& parameters);
  ~UserData();

  const StateLayout& layout() const { return layout_; }
  std::int64_t size() const { return std::ssize(start_times_); }  ///< trajectories
  std::int64_t length() const { return length_; }                 ///< states of each
  const std::vector<double>& start_times() const { return start_times_; }
  std::size_t files() const;
  /// States at the ends of trajectories that were too few for another piece.
  std::int64_t left_over() const { return left_over_; }
  /// What was converted or assumed, for people.
  const std::vector<std::string>& remarks() const { return remarks_; }
  /// (c, …space), each of mean 0 and deviation 1; undefined for none.
  const Tensor& context() const { return context_; }

  /// Goes through all states once: the mask of layout() is then known, and the normalisation of the first
  /// `trajectories` is returned. Throws FileError, naming file and place, for values that are not finite, that are
  /// missing in some states and not in others, or that are missing always where the parameters do not say that they
  /// may; ValueError as ChannelStatistics.
  Normalisation survey(std::int64_t trajectories);
  /// `n` trajectories from `begin` on, (n, time, …event); beside these little more is in memory. After survey, what is
  /// masked has its variable's mean over all trajectories.
  Tensor read(std::int64_t begin, std::int64_t n) const;

 private:
  std::unique_ptr<io::StateSource> source_;
  StateLayout layout_;
  std::int64_t length_ = 0, left_over_ = 0;
  std::vector<double> start_times_;
  std::vector<std::string> remarks_;
  Tensor context_, filling_;
};

/// What came of an import.
struct ImportedTrajectories {
  StateLayout layout;
  std::int64_t trajectories = 0, length = 0;  ///< states of each
  std::size_t files = 0;                      ///< that were read
  std::int64_t left_over = 0;                 ///< states at ends that were too few for another piece
  std::vector<std::string> written{};         ///< "train.nc (8)", of each part
  std::vector<std::string> remarks{};         ///< what was converted or assumed
};

/// Trajectories that [data] names, split into the files in `folder` that `sda simulate` would write: train.nc, valid.nc
/// and test.nc, or several of each where they are larger than data.file_gigabytes. The normalisation is that of the
/// training part. Throws as UserData; FileError where a file cannot be written, and then no file is left.
ImportedTrajectories import_trajectories(const DataParameters& parameters, const std::string& folder,
                                         const Provenance& provenance);

}  // namespace sda
