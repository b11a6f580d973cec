/// The processes that mpirun started together, of which this one is a rank.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sda/core/rank_grid.hpp"

namespace sda {
class MpiSession;
}

namespace sda::app {

class Ranks {
 public:
  /// Starts MPI where mpirun or srun started several processes; else there is one rank. What ranks but the first print
  /// is not shown. Throws UsageError where this program was built without MPI.
  Ranks();
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int size() const { return world().size(); }
  bool is_first() const { return world().rank() == 0; }
  /// Groups of so many ranks that share the states of each trajectory. Throws UsageError unless they are equally large.
  RankGrid grid(std::int64_t state_ranks);
  /// "rank 3 of 8: "; nothing of one rank.
  std::string prefix() const;
  /// Gives the first rank time to say what all would say, where all failed alike.
  void wait_for_first() const;
  /// Ends all ranks, which would wait for this one.
  void end_all(int code) const;

 private:
  const Communicator& world() const;

  std::unique_ptr<MpiSession> session_;
  std::shared_ptr<const Communicator> states_;
};

}  // namespace sda::app
