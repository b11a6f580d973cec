/// Particle filters under way: particles, the states that they passed, and who descends from whom.
#include "sda/data/files/stopped_filter.hpp"

#include "core/torch.hpp"
#include "data/files/head.hpp"
#include "data/files/under_way.hpp"
#include "data/formats/netcdf_stream.hpp"
#include "data/formats/reading.hpp"

namespace sda {

using namespace io;

void write_stopped_filter(const std::string& path, const StoppedFilter& stopped) {
  const FilterState& state = stopped.state;
  NetcdfStream stream(path);
  WritableGroup file = stream.root();
  write_head(file, FileKind::stopped_filter, "Particle filter under way", stopped.provenance);
  file.attributes({{"sda_recipe", stopped.recipe},
                   {"states_done", state.states_done},
                   {"log_evidence", state.log_evidence},
                   {"smallest_effective_size", state.smallest_effective_size},
                   {"seconds", state.seconds}});
  stream.make_room(
      static_cast<std::int64_t>(state.particles.nbytes() + state.passed.nbytes() + state.ancestors.nbytes()));
  write_values(file, "particles", state.particles, "particles at the last state that is done");
  write_values(file, "passed", state.passed, "states that particles passed");
  write_values(file, "ancestors", state.ancestors, "whom each particle descends from");
  stream.commit();
}

StoppedFilter read_stopped_filter(const std::string& path) {
  return reading_file(path, [&] {
    const NetcdfReader reader(path);
    const ReadableGroup file = reader.root();
    require_kind(file, FileKind::stopped_filter);
    return StoppedFilter{.state = {.states_done = file.integer("states_done"),
                                   .particles = file.read("particles"),
                                   .passed = file.read("passed"),
                                   .ancestors = file.read("ancestors"),
                                   .log_evidence = file.number("log_evidence"),
                                   .smallest_effective_size = file.number("smallest_effective_size"),
                                   .seconds = file.number("seconds")},
                         .recipe = file.text("sda_recipe"),
                         .provenance = read_provenance(file)};
  });
}

}  // namespace sda
