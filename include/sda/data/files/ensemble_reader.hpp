/// An ensemble file read some members at a time, for what is larger than memory.
#pragma once

#include <memory>
#include <string>

#include "sda/data/files/ensemble_writer.hpp"

namespace sda {

class EnsembleReader {
 public:
  /// Throws as read_ensemble.
  explicit EnsembleReader(const std::string& path);
  ~EnsembleReader();
  EnsembleReader(const EnsembleReader&) = delete;
  EnsembleReader& operator=(const EnsembleReader&) = delete;

  const EnsembleHead& head() const;  ///< but for the compression, which a reader need not know
  const EnsembleCost& cost() const;
  /// Members (count, time, …event) from the file's member `first` on, physical units.
  Tensor read(std::int64_t first, std::int64_t count) const;

 private:
  class File;
  std::unique_ptr<File> file_;
};

}  // namespace sda
