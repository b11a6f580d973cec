/// The states themselves: pieces of trajectories read from files, as many at a time as are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/units.hpp"
#include "data/import/timeline.hpp"
#include "sda/core/tensor.hpp"

namespace sda::io {

/// The files, and where in them each trajectory is.
struct StateSource {
  DataParameters p;
  std::vector<std::string> paths;
  std::vector<Run> runs;
  std::vector<Piece> pieces;
  std::int64_t length = 0;                                 ///< states of each piece
  std::vector<std::vector<UnitConversion>> conversions{};  ///< of each file and channel

  /// (n, time, channel, …space) of pieces from `first` on, NaN where values are missing.
  Tensor read(std::size_t first, std::size_t n, const Shape& event) const;

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
