/// Processes that share one piece of work, each with a part of it: ranks, as MPI calls them. Alone there is one, and
/// nothing below does anything; with MPI see sda/mpi/mpi.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "sda/core/tensor.hpp"

namespace sda {

/// All calls are collective: every rank makes them, in the same order. Tensors are in main memory. Throws MpiError
/// where ranks cannot reach each other any more.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }

  /// `values`, float32, float64 or int64 and of one shape on all ranks, summed over them; the same bits on each.
  virtual Tensor sum(const Tensor& values) const { return values; }
  /// Gives `to_before` to the rank before and `to_after` to the rank after, and puts what they give into `from_before`
  /// and `from_after`, contiguous and of the right size. There is nothing before the first rank or after the last: what
  /// belongs there is left alone.
  virtual void exchange(const Tensor& to_before, const Tensor& to_after, Tensor& from_before, Tensor& from_after) const;
  /// At rank 0 the parts of all ranks in their order, each of a shape of its own; elsewhere none.
  virtual std::vector<Tensor> gather(const Tensor& part) const { return {part}; }
};

/// One process by itself.
const Communicator& alone();

/// Whether `flag` is set on any rank.
bool any_of(const Communicator& ranks, bool flag);

/// Part `index` of `parts` of `total` things: as even as can be, one after the other.
struct Share {
  std::int64_t first = 0, count = 0;
};
Share share_of(std::int64_t total, std::int64_t parts, std::int64_t index);

}  // namespace sda
