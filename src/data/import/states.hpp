/// The states themselves: pieces of trajectories, read from files a part at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/units.hpp"
#include "data/import/timeline.hpp"
#include "sda/core/tensor.hpp"

namespace sda::io {

/// Bytes of states that are read at once, and one state at least: decoding them takes several times as much.
constexpr std::int64_t bytes_at_once = std::int64_t{1} << 24;

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

  /// States of a piece that follow each other, (time, channel, …space), from its `state`-th on; NaN where values are
  /// missing.
  using TakeStates = std::function<void(std::size_t piece, std::int64_t state, const Tensor& states)>;

  /// Goes through `n` pieces from `first` on, and through the states of each in the order of time. Counts, where that
  /// is asked for, values outside the valid range of each variable.
  void visit(std::size_t first, std::size_t n, const Shape& event, const TakeStates& take,
             OutsideRange* outside = nullptr) const;

 private:
  /// Pieces that lie in one block of one file: so many trajectories and states of it.
  struct Block {
    std::size_t first, pieces;
    std::int64_t trajectory, trajectories, begin, states;
  };

  /// How many states of a piece from `state` on, at most `max`, follow each other in one file.
  std::int64_t states_in_file(const Piece& piece, std::int64_t state, std::int64_t max) const;
  /// Pieces from `first` on, at most `max`, that cover a block of one file and hardly more; none where a piece lies in
  /// several files.
  std::optional<Block> block_from(std::size_t first, std::size_t max) const;
};

}  // namespace sda::io
