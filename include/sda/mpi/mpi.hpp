/// Ranks by MPI. Of the library sda_mpi, which is there where MPI was when the library was built.
#pragma once

#include <memory>
#include <string>

#include "sda/core/communicator.hpp"

namespace sda {

/// MPI from here to the end of its life, once in a process. Where an error of the caller ends this life, all ranks are
/// ended, for they would wait for this one.
class MpiSession {
 public:
  /// Throws MpiError where MPI cannot be started.
  MpiSession();
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  /// All ranks that were started together.
  std::shared_ptr<const Communicator> world() const { return world_; }
  /// Those of the ranks that name the same `group`, in their order.
  std::shared_ptr<const Communicator> split(int group) const;
  /// Ends every rank at once, with this exit code.
  [[noreturn]] void abort(int code) const;

 private:
  std::shared_ptr<const Communicator> world_;
};

/// Version of the MPI library, a line.
std::string mpi_version();

}  // namespace sda
