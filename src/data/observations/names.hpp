/// The names that files of others have for axes, times, errors and flags.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/observations/places.hpp"

namespace sda::io {

/// Names under which a file may have a coordinate, the most likely first: its own, its standard name, and what others
/// call it.
std::vector<std::string> names_of(const PlaceCoordinate& coordinate);
/// The same of times: the time that an observation is valid for comes before the one at which a forecast began.
const std::vector<std::string>& names_of_time();
/// What is added to times, for each value: GHRSST's and Sentinel's names.
std::vector<std::string> names_of_times_after(const std::string& variable);
/// Behind a variable's name: its errors and its flags.
const std::vector<std::string>& suffixes_of_errors();
const std::vector<std::string>& suffixes_of_flags();

std::vector<std::string> with_suffixes(const std::string& name, const std::vector<std::string>& suffixes);

/// Where `names` has one of `wanted`, the first wanted first; as it is written, else in whatever case.
std::optional<std::size_t> find_name(const std::vector<std::string>& names, const std::vector<std::string>& wanted);
bool same_but_for_case(std::string_view a, std::string_view b);

/// "wvht (m)" or "wvht [m]" in its parts.
struct NameWithUnits {
  std::string name;
  std::optional<std::string> units{};
};
NameWithUnits split_units(const std::string& header);

}  // namespace sda::io
