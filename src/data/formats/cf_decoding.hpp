/// CF decoding: numbers of files of other programs as they are meant. Every reader of such files goes through here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/formats/netcdf_file.hpp"
#include "sda/core/layout.hpp"

namespace sda::io {

/// "3 of 512, the first at time 4, x 0 (counted from 0)"; `start`: where `bad` begins along each axis.
std::string place_of(const Tensor& bad, const std::vector<std::string>& axes, const Shape& start = {});

/// Values of a variable, NaN where they are missing, and how many of them lie outside valid_min … valid_max.
struct DecodedValues {
  Tensor values;
  std::int64_t outside_range = 0;
};

/// Values of a variable as float32 or float64: unpacked by scale_factor, add_offset and _Unsigned, NaN where they
/// are missing by _FillValue or missing_value (of the variable or the file), lie outside valid_min … valid_max or
/// valid_range (in packed units, unless they are of the type of scale_factor), or were never written. Throws FileError
/// for values that are NaN where the file does not say that these are missing, and for infinite ones. All values, or a
/// part of them.
DecodedValues decode(const ReadableGroup& file, const std::string& variable, at::ScalarType dtype,
                     const std::optional<Slab>& part = std::nullopt);
/// The values alone.
Tensor read_decoded(const ReadableGroup& file, const std::string& variable, at::ScalarType dtype,
                    const std::optional<Slab>& part = std::nullopt);

/// The coordinate variable of a dimension, of this group or the nearest around it, float64, with its units and names;
/// no values where there is none. Throws FileError for coordinates that are missing.
Coordinate read_coordinate(const ReadableGroup& file, const std::string& dimension);

}  // namespace sda::io
