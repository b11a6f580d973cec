#include "ranks.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "sda/core/error.hpp"
#ifdef SDA_HAS_MPI
#include "sda/mpi/mpi.hpp"
#else
namespace sda {
/// Never made.
class MpiSession {};
}  // namespace sda
#endif

namespace sda::app {
namespace {

/// As Open MPI, MPICH and Slurm tell their processes; 1 where none does.
int processes_started() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"}) {
    if (const char* size = std::getenv(name)) return std::atoi(size);
  }
  return 1;
}

}  // namespace

#ifdef SDA_HAS_MPI

Ranks::Ranks() {
  if (processes_started() == 1) return;
  session_ = std::make_unique<MpiSession>();
  if (!is_first()) std::ignore = std::freopen("/dev/null", "w", stdout);
}

const Communicator& Ranks::world() const {
  return session_ ? *session_->world() : alone();
}

RankGrid Ranks::grid(std::int64_t state_ranks) {
  if (state_ranks < 1 || size() % state_ranks != 0) {
    throw UsageError({.what = "ranks cannot be parted into equal groups",
                      .where = "--state-ranks",
                      .found = fmt::format("{}, with {} ranks", state_ranks, size()),
                      .expected = "a divisor of the number of ranks",
                      .hint = size() == 1 ? "start it by mpirun -n RANKS sda …" : ""});
  }
  if (!session_) return {};
  states_ = session_->split(static_cast<int>(world().rank() / state_ranks));
  return {world(), *states_};
}

void Ranks::end_all(int code) const {
  if (session_) session_->abort(code);
}

#else

Ranks::Ranks() {
  if (processes_started() == 1) return;
  throw UsageError({.what = "this program was built without MPI",
                    .where = "mpirun",
                    .found = fmt::format("{} processes", processes_started()),
                    .hint = "install libopenmpi-dev and build again"});
}

const Communicator& Ranks::world() const {
  return alone();
}

RankGrid Ranks::grid(std::int64_t state_ranks) {
  if (state_ranks == 1) return {};
  throw UsageError({.what = "this program was built without MPI",
                    .where = "--state-ranks",
                    .found = fmt::format("{}", state_ranks),
                    .expected = "1"});
}

void Ranks::end_all(int /*code*/) const {}

#endif

Ranks::~Ranks() = default;

std::string Ranks::prefix() const {
  return size() == 1 ? "" : fmt::format("rank {} of {}: ", world().rank(), size());
}

void Ranks::wait_for_first() const {
  if (!is_first()) std::this_thread::sleep_for(std::chrono::seconds(2));
}

}  // namespace sda::app
