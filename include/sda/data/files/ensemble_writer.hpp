/// An ensemble file written as its members come, a few at a time: neither members nor file need to fit in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sda/core/layout.hpp"
#include "sda/core/provenance.hpp"
#include "sda/core/tensor.hpp"
#include "sda/core/trajectories.hpp"

namespace sda {

/// All of an ensemble file but its members and what they cost.
struct EnsembleHead {
  StateLayout layout;
  std::int64_t members = 0, length = 0;
  double start_time = 0;
  std::string method;
  std::int64_t first_member = 0;  ///< of the ensemble that these members are a part of
  std::int64_t compression = 0;   ///< of zlib, 0 to 9
  std::string inputs{};           ///< TOML: checksums of the files that it was made of; empty: not known
  Provenance provenance{};
};

/// Members are stored in chunks of at most a megabyte: some members whole, or a part of one. Their mean and deviation
/// are summed on the way, in the order of the members, so the file does not depend on how many come at once.
///
///     EnsembleWriter writer("posterior.nc", head);
///     writer.add(members);  // and again
///     writer.commit(cost);
class EnsembleWriter {
 public:
  /// Throws FileError where `path` cannot be written.
  EnsembleWriter(const std::string& path, EnsembleHead head);
  ~EnsembleWriter();
  EnsembleWriter(const EnsembleWriter&) = delete;
  EnsembleWriter& operator=(const EnsembleWriter&) = delete;

  /// The next members (some, time, …event), physical units, float32 or float64. Throws FileError, here or when the rest
  /// is written, where they are not finite or the disk is full; ShapeError for other sizes or more members than the
  /// head says.
  void add(const Tensor& members);
  /// Ends the file, which then takes its name. Throws ShapeError where members are missing. Without it nothing is left.
  void commit(const EnsembleCost& cost);

 private:
  class File;
  std::unique_ptr<File> file_;
};

}  // namespace sda
