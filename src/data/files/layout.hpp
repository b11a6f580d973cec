/// What the numbers of a state are, in a file of ours: layout, coordinates, mask, normalisation. Private to the module.
#pragma once

#include <string>
#include <vector>

#include "data/formats/netcdf_file.hpp"
#include "sda/core/layout.hpp"

namespace sda::io {

/// The dimensions of a layout's space.
void define_space(WritableGroup& file, const StateLayout& layout);
/// Where a grid's spacing is known, its axes have coordinates: those given, else the centres of its cells.
void write_coordinates(WritableGroup& file, const StateLayout& layout);
void write_layout(WritableGroup& file, const StateLayout& layout);
StateLayout read_layout(const ReadableGroup& file);

void write_normalisation(WritableGroup& file, const StateLayout& layout, const Normalisation& normalisation);
Normalisation read_normalisation(const ReadableGroup& file, const StateLayout& layout);

}  // namespace sda::io
