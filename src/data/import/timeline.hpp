/// States in the order of time, and how they are cut into trajectories of one length. Pure functions of the times that
/// files hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sda/data/import.hpp"

namespace sda::io {

/// Of two times that should be the same, in steps.
constexpr double time_tolerance = 1e-3;

/// States that follow each other in time, of some trajectories.
struct Run {
  std::int64_t trajectories = 0;
  std::vector<double> times;        ///< of each state
  std::vector<std::size_t> file;    ///< that each state is from
  std::vector<std::int64_t> place;  ///< of each state within its file
  double rounding = 0;              ///< of times, where they are stored as float32
};

/// Files that go on in time, put together in the order of their first times. Throws FileError for a file with another
/// number of trajectories.
std::vector<Run> joined_in_time(std::vector<Run> runs, const std::vector<std::string>& paths);

/// The middle one of all differences of neighbouring times. Throws UsageError where there is none.
double common_step(const std::vector<Run>& runs, const DataParameters& p);

/// States that follow each other in equal steps: from `begin` on.
struct Stretch {
  std::size_t run;
  std::int64_t begin, size;
};

/// Where times go on by one step. Throws FileError where they repeat, run backwards or are uneven, and at gaps unless
/// these may be cut.
std::vector<Stretch> find_stretches(const std::vector<Run>& runs, double step, const DataParameters& p,
                                    const std::vector<std::string>& paths);

/// The step as the longest stretch has it, in as many digits as times have. Throws FileError for stretches whose small
/// deviations from it add up.
double exact_step(const std::vector<Run>& runs, const std::vector<Stretch>& stretches, double step,
                  const DataParameters& p, const std::vector<std::string>& paths);

/// A piece of one trajectory.
struct Piece {
  std::size_t run;
  std::int64_t trajectory, begin;
};

struct Pieces {
  std::vector<Piece> pieces;
  std::int64_t length = 0, left_over = 0;
};

/// Pieces of data.length states, or of the whole stretches where these are of one length, without the first data.skip
/// states. Throws UsageError where no stretch is long enough, or stretches are of different lengths.
Pieces cut(const std::vector<Run>& runs, std::vector<Stretch> stretches, const DataParameters& p,
           const std::vector<std::string>& paths);

}  // namespace sda::io
