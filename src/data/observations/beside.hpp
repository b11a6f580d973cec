/// What stands beside the values of a NetCDF variable: times, coordinates, errors and flags, each over all or some of
/// its dimensions, or over the instances of a ragged array. So grids, swaths, stations and profiles are read alike.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "data/formats/netcdf_file.hpp"

namespace sda::io {

/// A variable and the group that holds it.
struct FoundVariable {
  ReadableGroup group;
  std::string name;
  std::string where() const { return group.where(name); }
  /// Without that of the characters of a text.
  std::vector<std::string> dimensions() const;
};

/// A ragged array's dimension of samples, each of which is of one instance: of a profile, say (CF 9.3.3 and 9.3.4).
struct RaggedDimension {
  std::string samples, instances;  ///< dimensions
  FoundVariable by;                ///< the counts (attribute sample_dimension), or an index (instance_dimension)
  bool is_index = false;

  /// Of each sample its instance. Throws FileError where counts do not add up, or an index has no instance.
  std::vector<std::size_t> instance_of_each() const;
};
/// Along the dimensions of a variable, and then along those of their instances.
std::vector<RaggedDimension> ragged_dimensions(const FoundVariable& variable);

/// The variable beside another that has one of these names, first as written, then in whatever case; else the one whose
/// standard_name is among them. It may be in the groups around. Nothing where there is none.
std::optional<FoundVariable> find_beside(const FoundVariable& variable, const std::vector<std::string>& names);

/// Among the other's ancillary_variables (CF 3.4), one whose standard_name ends so, or that has the attribute.
std::optional<FoundVariable> find_ancillary(const FoundVariable& variable, const std::string& standard_name,
                                            const std::string& attribute);

/// Numbers over some dimensions of a variable, or over instances of its samples, one for each of its values.
class NumbersBeside {
 public:
  NumbersBeside() = default;
  NumbersBeside(std::vector<double> numbers, std::vector<std::string> dimensions, const FoundVariable& variable);

  bool is_there() const { return !numbers_.empty(); }
  /// For the value at this index along each of the variable's dimensions.
  double at(const std::vector<std::size_t>& index) const;
  /// Whether it changes along a dimension of the variable.
  bool is_along(std::size_t dimension) const { return is_there() && strides_[dimension] > 0; }

 private:
  std::vector<double> numbers_{};
  std::vector<std::size_t> strides_{};
};

}  // namespace sda::io
