/// Where a variable of states is, and which of its dimensions is which of ours, by its name.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "data/formats/netcdf_file.hpp"
#include "sda/data/import.hpp"

namespace sda::io {

/// A variable and the group that holds it.
struct StateVariable {
  ReadableGroup group;
  std::string name;
};
/// "sst" of the file, else of the only group that has it; "PRODUCT/sst" of that group. Throws FileError where there is
/// none, or several groups have one.
StateVariable find_state_variable(const ReadableGroup& file, const std::string& name);

/// "T(time, lev, y, x)".
std::string with_dimensions(const ReadableGroup& file, const std::string& variable);

/// The dimension of a variable that is each of ours; −1: it has none.
struct Roles {
  std::ptrdiff_t trajectory = -1, time = -1, level = -1;
  std::vector<std::ptrdiff_t> space;
};

/// The roles of the dimensions of a variable of states (`in_time`) or of one that is constant. Throws UsageError for a
/// dimension that is missing, or that is named nowhere and is not of size 1.
Roles find_roles(const ReadableGroup& file, const std::string& variable, const DataParameters& p, bool in_time);

/// Axes of `values` brought into the order `expected` (−1: an axis of size 1); others, of size 1, are dropped.
Tensor in_order(const Tensor& values, const std::vector<std::ptrdiff_t>& expected);

}  // namespace sda::io
