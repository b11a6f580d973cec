/// Pieces of trajectories read from files, in blocks that cover hardly more than is asked for.
#include "data/import/states.hpp"

#include <algorithm>

#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/import/dimensions.hpp"

namespace sda::io {
namespace {

/// (trajectories, states, channel, …space) of one variable in other units, as float32.
Tensor in_units(const Tensor& values, const UnitConversion* conversions) {
  std::vector<Tensor> channels;
  for (std::int64_t c = 0; c < values.size(2); ++c) {
    const auto& [scale, offset] = conversions[c];
    channels.push_back(values.select(2, c) * scale + offset);
  }
  return at::stack(channels, 2).to(at::kFloat);
}

/// States of one file, (trajectories, states, channel, …space), NaN where they are missing.
Tensor read_states_of(const std::string& path, const DataParameters& p, const std::vector<UnitConversion>& conversions,
                      std::int64_t trajectory, std::int64_t trajectories, std::int64_t first, std::int64_t states,
                      OutsideRange* outside) {
  const NetcdfReader reader(path);
  const ReadableGroup file = reader.root();
  std::vector<Tensor> channels;
  std::int64_t done = 0;
  for (const auto& name : p.variables) {
    const Roles roles = find_roles(file, name, p, /*in_time=*/true);
    Slab slab{Shape(file.shape(name).size(), 0), file.shape(name)};
    const auto narrow = [&](std::ptrdiff_t axis, std::int64_t from, std::int64_t n) {
      if (axis < 0) return;
      slab.start[static_cast<std::size_t>(axis)] = from, slab.count[static_cast<std::size_t>(axis)] = n;
    };
    narrow(roles.trajectory, trajectory, trajectories);
    narrow(roles.time, first, states);
    std::vector<std::ptrdiff_t> order{roles.trajectory, roles.time, roles.level};
    order.insert(order.end(), roles.space.begin(), roles.space.end());
    const bool converts = std::any_of(conversions.begin(), conversions.end(), [](auto& c) { return !c.is_identity(); });
    const auto decoded = decode(file, name, converts ? at::kDouble : at::kFloat, slab);
    if (outside != nullptr && decoded.outside_range > 0) (*outside)[name] += decoded.outside_range;
    const Tensor values = in_order(decoded.values, order);
    channels.push_back(converts ? in_units(values, conversions.data() + done) : values);
    done += values.size(2);
  }
  return channels.size() == 1 ? channels.front() : at::cat(channels, 2);
}

}  // namespace

std::int64_t StateSource::states_in_file(const Piece& piece, std::int64_t state) const {
  const Run& run = runs[piece.run];
  const auto at = static_cast<std::size_t>(piece.begin + state);
  std::int64_t n = 1;
  for (; state + n < length && run.file[at + static_cast<std::size_t>(n)] == run.file[at]; ++n) {
  }
  return n;
}

std::optional<StateSource::Block> StateSource::block_from(std::size_t first, std::size_t max) const {
  const Piece& head = pieces[first];
  if (states_in_file(head, 0) < length) return std::nullopt;
  std::int64_t trajectory_end = 0, begin = head.begin, end = 0;
  std::optional<Block> best;
  for (std::size_t i = first; i < std::min(pieces.size(), first + max); ++i) {
    const Piece& piece = pieces[i];
    const Run& run = runs[piece.run];
    if (piece.run != head.run || states_in_file(piece, 0) < length ||
        run.file[static_cast<std::size_t>(piece.begin)] != run.file[static_cast<std::size_t>(head.begin)])
      break;
    trajectory_end = piece.trajectory + 1;
    begin = std::min(begin, piece.begin), end = std::max(end, piece.begin + length);
    const auto n = static_cast<std::int64_t>(i - first + 1);
    const std::int64_t covered = (trajectory_end - head.trajectory) * (end - begin);
    if (2 * n * length >= covered) {
      best = Block{first, i - first + 1, head.trajectory, trajectory_end - head.trajectory, begin, end - begin};
    }
  }
  return best;
}

Tensor StateSource::read(std::size_t first, std::size_t n, const Shape& event, OutsideRange* outside) const {
  Tensor states = at::empty(prepend({static_cast<std::int64_t>(n), length}, event), at::kFloat);
  const auto pieces_at_once =
      static_cast<std::size_t>(std::max<std::int64_t>(1, bytes_at_once / (length * count(event) * 4)));
  for (std::size_t i = first; i < first + n;) {
    const Run& run = runs[pieces[i].run];
    const auto to = [&](std::size_t piece) { return states.select(0, static_cast<std::int64_t>(piece - first)); };
    if (const auto block = block_from(i, std::min(pieces_at_once, first + n - i))) {
      const auto at = static_cast<std::size_t>(block->begin);
      const Tensor read = read_states_of(paths[run.file[at]], p, conversions[run.file[at]], block->trajectory,
                                         block->trajectories, run.place[at], block->states, outside);
      for (const std::size_t end = i + block->pieces; i < end; ++i) {
        to(i).copy_(
            read.select(0, pieces[i].trajectory - block->trajectory).narrow(0, pieces[i].begin - block->begin, length));
      }
      continue;
    }
    for (std::int64_t state = 0, follow = 0; state < length; state += follow) {
      const auto at = static_cast<std::size_t>(pieces[i].begin + state);
      follow = states_in_file(pieces[i], state);
      to(i)
          .narrow(0, state, follow)
          .copy_(read_states_of(paths[run.file[at]], p, conversions[run.file[at]], pieces[i].trajectory, 1,
                                run.place[at], follow, outside)[0]);
    }
    ++i;
  }
  return states;
}

}  // namespace sda::io
