/// Ensembles under way: members that are drawn, the sampler's state of those that are not, and the cost so far.
#include "sda/data/files/stopped_assimilation.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "data/files/head.hpp"
#include "data/files/under_way.hpp"
#include "data/formats/netcdf_stream.hpp"
#include "data/formats/reading.hpp"
#include "data/formats/sealed_file.hpp"

namespace sda {

using namespace io;

namespace {

constexpr const char* drawn_name = "members";
constexpr const char* under_way_name = "under_way";

std::string evaluation_name(std::size_t back) {
  return fmt::format("evaluation_{}", back);
}

}  // namespace

void write_stopped_assimilation(const std::string& path, const StoppedAssimilation& stopped) {
  const AssimilationState& state = stopped.state;
  NetcdfStream stream(path);
  WritableGroup file = stream.root();
  write_head(file, FileKind::stopped_assimilation, "Posterior ensemble under way", stopped.provenance);
  file.attributes({{"sda_recipe", stopped.recipe},
                   {"chunks", state.chunks},
                   {"chunk", state.chunk},
                   {"stages_done", state.sampler.stages_done},
                   {"passes", state.passes},
                   {"seconds", state.seconds},
                   {"evaluations_kept", std::ssize(state.sampler.epsilons)}});
  if (state.sampler.x.defined()) {
    stream.make_room(static_cast<std::int64_t>(state.sampler.x.nbytes() * (1 + state.sampler.epsilons.size())));
    write_values(file, under_way_name, state.sampler.x, "members at the sampler's time");
  }
  for (std::size_t i = 0; i < state.sampler.epsilons.size(); ++i)
    write_values(file, evaluation_name(i), state.sampler.epsilons[i], "an evaluation that coming steps use");
  stream.commit();
}

StoppedAssimilation read_stopped_assimilation(const std::string& path) {
  return reading_file(path, [&] {
    const NetcdfReader reader(path);
    const ReadableGroup file = reader.root();
    require_kind(file, FileKind::stopped_assimilation);
    const auto values = [&](const std::string& name) {
      Tensor read = file.read(name);
      require_finite(read, file.dimensions(name), file.where(name));
      return read;
    };
    StoppedAssimilation stopped{.state = {}, .recipe = file.text("sda_recipe"), .provenance = read_provenance(file)};
    AssimilationState& state = stopped.state;
    state.chunks = file.integer("chunks");
    state.chunk = file.integer("chunk");
    state.passes = file.integer("passes");
    state.seconds = file.number("seconds");
    if (state.chunks < 1 || state.chunk < 0 || state.chunk > state.chunks)
      throw FileError({.what = "there is no such chunk",
                       .where = path,
                       .found = fmt::format("{} of {}", state.chunk, state.chunks)});
    state.sampler.stages_done = file.integer("stages_done");
    if (file.has_variable(under_way_name)) state.sampler.x = values(under_way_name);
    for (std::int64_t i = 0; i < file.integer("evaluations_kept"); ++i)
      state.sampler.epsilons.push_back(values(evaluation_name(static_cast<std::size_t>(i))));
    return stopped;
  });
}

void write_drawn_members(const std::string& path, const Tensor& members, const Provenance& provenance) {
  NetcdfStream stream(path);
  WritableGroup file = stream.root();
  write_head(file, FileKind::drawn_members, "Members of a posterior ensemble under way", provenance);
  stream.make_room(static_cast<std::int64_t>(members.nbytes()));
  write_values(file, drawn_name, members, "members that are drawn");
  stream.commit();
}

Tensor read_drawn_members(const std::string& path) {
  return reading_file(path, [&] {
    const NetcdfReader reader(path);
    const ReadableGroup file = reader.root();
    require_kind(file, FileKind::drawn_members);
    Tensor members = file.read(drawn_name);
    require_finite(members, file.dimensions(drawn_name), file.where(drawn_name));
    return members;
  });
}

}  // namespace sda
