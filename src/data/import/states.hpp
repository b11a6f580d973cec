/// The states themselves: pieces of trajectories read from files, as many at a time as are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/units.hpp"
#include "data/import/timeline.hpp"
#include "sda/core/tensor.hpp"

namespace sda::io {

/// Bytes of states that are read at once: decoding them takes several times as much.
constexpr std::int64_t bytes_at_once = std::int64_t{1} << 26;

/// Values outside the valid range of each variable, by its name.
using OutsideRange = std::map<std::string, std::int64_t>;

/// The files, and where in them each trajectory is.
struct StateSource {
  DataParameters p;
  std::vector<std::string> paths;
  std::vector<Run> runs;
  std::vector<Piece> pieces;
  std::int64_t length = 0;                                 ///< states of each piece
  std::vector<std::vector<UnitConversion>> conversions{};  ///< of each file and channel

  /// (n, time, channel, …space) of pieces from `first` on, NaN where values are missing. Counts, where that is asked
  /// for, values outside the valid range of each variable.
  Tensor read(std::size_t first, std::size_t n, const Shape& event, OutsideRange* outside = nullptr) const;

 private:
  /// Pieces that lie in one block of one file: so many trajectories and states of it.
  struct Block {
    std::size_t first, pieces;
    std::int64_t trajectory, trajectories, begin, states;
  };

  /// How many states of a piece from `state` on follow each other in one file.
  std::int64_t states_in_file(const Piece& piece, std::int64_t state) const;
  /// Pieces from `first` on, at most `max`, that cover a block of one file and hardly more; none where a piece lies in
  /// several files.
  std::optional<Block> block_from(std::size_t first, std::size_t max) const;
};

}  // namespace sda::io
