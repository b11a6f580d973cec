/// NetCDF-4 files written to the disk as their values come, for what is larger than memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/descriptor.hpp"
#include "data/formats/netcdf_file.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda::io {

/// Under a temporary name until `commit`. HDF5 does not survive a disk that fills up while it writes, so space is taken
/// from the file system before each write, and a disk without it is an error in time.
class NetcdfStream {
 public:
  /// Throws FileError where `path` cannot be written.
  explicit NetcdfStream(std::string path);
  ~NetcdfStream();
  NetcdfStream(const NetcdfStream&) = delete;
  NetcdfStream& operator=(const NetcdfStream&) = delete;

  WritableGroup root() const { return {id_, path_}; }
  /// Takes the space for so many bytes of values more. To be called before they are written. Throws FileError.
  void make_room(std::int64_t bytes);
  /// make_room, and WritableGroup::put.
  void put(const std::string& variable, const Slab& part, const Tensor& values);
  /// Ends the file with its seal; it takes its name once it is whole on the disk.
  void commit();
  const std::string& path() const { return path_; }

 private:
  void take_space(std::int64_t bytes);

  std::string path_;
  TemporaryFile file_;
  std::unique_ptr<Descriptor> descriptor_;  ///< of the same file
  int id_ = -1;
  std::int64_t room_ = 0;  ///< taken and not used
};

}  // namespace sda::io
