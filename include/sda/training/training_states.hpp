/// Trajectories to train on, normalised: in memory, or, where they may be more than it holds, in a file that is mapped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sda/core/trajectories.hpp"

namespace sda {

class TrainingStates {
 public:
  /// In memory.
  TrainingStates(const Trajectories& trajectories, const Normalisation& normalisation);

  /// (trajectory, time, …event), float32, contiguous. Not to be written to.
  const Tensor& states() const { return states_; }
  /// `n` states of a trajectory from `first` on will be read soon: where they lie on a disk, reading begins now, in
  /// the background.
  void expect(std::int64_t trajectory, std::int64_t first, std::int64_t n) const;

 private:
  friend class StatesOnDisk;
  explicit TrainingStates(Tensor mapped) : states_(std::move(mapped)), on_disk_(true) {}
  Tensor states_;
  bool on_disk_ = false;
};

/// Collects trajectories in a file of raw numbers, which has no name and goes with the last tensor that maps it.
class StatesOnDisk {
 public:
  /// `folder`: where the file is. Throws FileError where none can be made there.
  explicit StatesOnDisk(const std::string& folder);
  ~StatesOnDisk();
  /// Appends trajectories, of the lengths and events of those before. Throws FileError where the disk is full,
  /// ShapeError where they are of other shapes.
  void add(const Trajectories& trajectories, const Normalisation& normalisation);
  /// All that were added, at least one.
  TrainingStates map();

 private:
  struct File;
  std::unique_ptr<File> file_;
  Shape shape_;  ///< (trajectory, time, …event) so far
};

}  // namespace sda
