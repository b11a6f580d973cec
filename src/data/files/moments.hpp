/// Mean and deviation over members that come some at a time. Private to the module.
#pragma once

#include "data/formats/netcdf_file.hpp"
#include "sda/core/layout.hpp"

namespace sda::io {

class MomentsOfMembers {
 public:
  /// More members (some, time, …event), finite but where they are masked.
  void add(const Tensor& members);
  /// VARIABLE_mean and, of several members, VARIABLE_spread, (time, …space); left out where a variable has that name.
  void write(WritableGroup& file, const StateLayout& layout) const;
  /// That it writes.
  std::int64_t bytes() const;

 private:
  std::int64_t members_ = 0;
  Tensor mean_, squares_;  ///< float64 (time, …event): mean and Σ (x − mean)²
  at::ScalarType type_ = at::kFloat;
};

}  // namespace sda::io
