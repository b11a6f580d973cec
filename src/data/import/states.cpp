/// Pieces of trajectories read from files: many small ones in a block that covers hardly more, a large one in parts.
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

/// Reads states of files, of which the last one stays open: opening one again for each part takes its time.
class StateReader {
 public:
  StateReader(const StateSource& source, OutsideRange* outside) : source_(source), outside_(outside) {}

  /// Of one file, from `first` on, (trajectories, states, channel, …space), NaN where they are missing.
  Tensor read(std::size_t file, std::int64_t trajectory, std::int64_t trajectories, std::int64_t first,
              std::int64_t states) {
    const ReadableGroup root = open(file);
    const auto& conversions = source_.conversions[file];
    std::vector<Tensor> channels;
    std::int64_t done = 0;
    for (const auto& variable : source_.p.variables) {
      const auto [group, name] = find_state_variable(root, variable);
      const Roles roles = find_roles(group, name, source_.p, /*in_time=*/true);
      Slab slab{Shape(group.shape(name).size(), 0), group.shape(name)};
      const auto narrow = [&](std::ptrdiff_t axis, std::int64_t from, std::int64_t n) {
        if (axis < 0) return;
        slab.start[static_cast<std::size_t>(axis)] = from, slab.count[static_cast<std::size_t>(axis)] = n;
      };
      narrow(roles.trajectory, trajectory, trajectories);
      narrow(roles.time, first, states);
      std::vector<std::ptrdiff_t> order{roles.trajectory, roles.time, roles.level};
      order.insert(order.end(), roles.space.begin(), roles.space.end());
      const bool converts =
          std::any_of(conversions.begin(), conversions.end(), [](auto& c) { return !c.is_identity(); });
      const auto decoded = decode(group, name, converts ? at::kDouble : at::kFloat, slab);
      if (outside_ != nullptr && decoded.outside_range > 0) (*outside_)[name] += decoded.outside_range;
      const Tensor values = in_order(decoded.values, order);
      channels.push_back(converts ? in_units(values, conversions.data() + done) : values);
      done += values.size(2);
    }
    return channels.size() == 1 ? channels.front() : at::cat(channels, 2);
  }

 private:
  ReadableGroup open(std::size_t file) {
    if (!reader_ || file_ != file) reader_.emplace(source_.paths[file]);
    file_ = file;
    return reader_->root();
  }

  const StateSource& source_;
  OutsideRange* outside_;
  std::size_t file_ = 0;
  std::optional<NetcdfReader> reader_{};
};

}  // namespace

std::int64_t StateSource::states_in_file(const Piece& piece, std::int64_t state, std::int64_t max) const {
  const Run& run = runs[piece.run];
  const auto at = static_cast<std::size_t>(piece.begin + state);
  std::int64_t n = 1;
  for (; n < max && state + n < length && run.file[at + static_cast<std::size_t>(n)] == run.file[at]; ++n) {
  }
  return n;
}

std::optional<StateSource::Block> StateSource::block_from(std::size_t first, std::size_t max) const {
  const Piece& head = pieces[first];
  if (states_in_file(head, 0, length) < length) return std::nullopt;
  std::int64_t trajectory_end = 0, begin = head.begin, end = 0;
  std::optional<Block> best;
  for (std::size_t i = first; i < std::min(pieces.size(), first + max); ++i) {
    const Piece& piece = pieces[i];
    const Run& run = runs[piece.run];
    if (piece.run != head.run || states_in_file(piece, 0, length) < length ||
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

void StateSource::visit(std::size_t first, std::size_t n, const Shape& event, const TakeStates& take,
                        OutsideRange* outside) const {
  const std::int64_t states_at_once = std::max<std::int64_t>(1, bytes_at_once / (count(event) * 4));
  const auto pieces_at_once = static_cast<std::size_t>(states_at_once / length);
  StateReader reader(*this, outside);
  for (std::size_t i = first; i < first + n;) {
    const Run& run = runs[pieces[i].run];
    if (const auto block = pieces_at_once > 0 ? block_from(i, std::min(pieces_at_once, first + n - i)) : std::nullopt) {
      const auto at = static_cast<std::size_t>(block->begin);
      const Tensor read =
          reader.read(run.file[at], block->trajectory, block->trajectories, run.place[at], block->states);
      for (const std::size_t end = i + block->pieces; i < end; ++i) {
        const Piece& piece = pieces[i];
        take(i, 0, read.select(0, piece.trajectory - block->trajectory).narrow(0, piece.begin - block->begin, length));
      }
      continue;
    }
    for (std::int64_t state = 0, follow = 0; state < length; state += follow) {
      const auto at = static_cast<std::size_t>(pieces[i].begin + state);
      follow = states_in_file(pieces[i], state, states_at_once);
      take(i, state, reader.read(run.file[at], pieces[i].trajectory, 1, run.place[at], follow)[0]);
    }
    ++i;
  }
}

}  // namespace sda::io
