/// Values that are missing in states.
#include "data/import/screen.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// The first channel of (channel, …) of which anything is true: its variable, and what is.
std::pair<std::string, Tensor> one_channel(const Tensor& bad, const StateLayout& layout) {
  const auto channel = bad.flatten(1).any(1).nonzero()[0][0].item<std::int64_t>();
  return {layout.variables[static_cast<std::size_t>(channel)].name, bad[channel]};
}

}  // namespace

void require_missing_always(const Tensor& states, const Tensor& always, const StateSource& source, const Piece& piece,
                            std::int64_t state, const StateLayout& layout) {
  const Tensor sometimes = states.isnan().logical_xor(always.unsqueeze(0));
  if (!sometimes.any().item<bool>()) return;
  const auto [channel, place] = one_channel(sometimes.transpose(0, 1), layout);
  std::vector<std::string> axes{source.p.time};
  axes.insert(axes.end(), layout.space_names.begin(), layout.space_names.end());
  Shape start(axes.size(), 0);
  const Run& run = source.runs[piece.run];
  start.front() = run.place[static_cast<std::size_t>(piece.begin + state)];
  const std::string of =
      source.p.trajectory.empty() ? "" : fmt::format(", {} {}", source.p.trajectory, piece.trajectory);
  throw FileError({.what = "values are missing in some states and not in others",
                   .where = source.paths[run.file[static_cast<std::size_t>(piece.begin + state)]] + ": " + channel + of,
                   .found = place_of(place, axes, start),
                   .expected = "values in all states, or in none",
                   .hint = "fill them first (`cdo setmisstonn`), or leave these times out"});
}

void refuse_missing(const std::string& what, const Tensor& bad, const StateSource& source, const StateLayout& layout,
                    const std::string& hint) {
  const auto& paths = source.paths;
  std::vector<std::string> axes{"variable"};
  axes.insert(axes.end(), layout.space_names.begin(), layout.space_names.end());
  const auto all = paths.size() == 1 ? paths.front() : fmt::format("{} … {}", paths.front(), paths.back());
  throw FileError({.what = what,
                   .where = all + ": " + one_channel(bad.reshape({layout.event.front(), -1}), layout).first,
                   .found = place_of(bad, axes),
                   .hint = hint});
}

}  // namespace sda::io
