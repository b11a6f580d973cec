/// Quality flags of a NetCDF variable (CF 3.5).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/observations/beside.hpp"

namespace sda::io {

/// Flags as numbers, also where they are characters ('1' as Argo has it); NaN where they are missing.
std::vector<double> read_flags(const FoundVariable& flags);

/// What the file says of its flags: flag_meanings of flag_values, or of the bits of flag_masks.
class FlagMeanings {
 public:
  explicit FlagMeanings(const FoundVariable& flags);
  /// "probably_good", "cloud, ice"; empty where nothing is said.
  std::string of(double flag) const;

 private:
  std::map<double, std::string> values_{}, bits_{};
};

}  // namespace sda::io
