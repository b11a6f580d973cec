/// The names that files of others have for axes, times, errors and flags.
#include "data/observations/names.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace sda::io {

std::vector<std::string> names_of(const PlaceCoordinate& coordinate) {
  static const std::map<std::string, std::vector<std::string>> known{{"lat", {"latitude"}},
                                                                     {"latitude", {"lat"}},
                                                                     {"lon", {"longitude"}},
                                                                     {"longitude", {"lon"}},
                                                                     {"depth", {"depthBelowWaterSurface"}},
                                                                     {"lev", {"pressure"}}};
  std::vector<std::string> names{coordinate.name};
  names.insert(names.end(), coordinate.other_names.begin(), coordinate.other_names.end());
  if (const auto others = known.find(coordinate.name); others != known.end()) {
    for (const auto& other : others->second) {
      if (std::find(names.begin(), names.end(), other) == names.end()) names.push_back(other);
    }
  }
  return names;
}

const std::vector<std::string>& names_of_time() {
  static const std::vector<std::string> names{"valid_time", "time",     "dateTime", "date_time",
                                              "timestamp",  "obs_time", "JULD",     "date"};
  return names;
}

std::vector<std::string> names_of_times_after(const std::string& variable) {
  return {variable + "_dtime", "sst_dtime", "delta_time"};
}

const std::vector<std::string>& suffixes_of_errors() {
  static const std::vector<std::string> suffixes{"_error", "_ERROR"};
  return suffixes;
}

const std::vector<std::string>& suffixes_of_flags() {
  static const std::vector<std::string> suffixes{"_flag", "_qc", "_QC", "_quality_flag"};
  return suffixes;
}

std::vector<std::string> with_suffixes(const std::string& name, const std::vector<std::string>& suffixes) {
  std::vector<std::string> names;
  for (const auto& suffix : suffixes) names.push_back(name + suffix);
  return names;
}

bool same_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char p, char q) { return lower(p) == lower(q); });
}

std::optional<std::size_t> find_name(const std::vector<std::string>& names, const std::vector<std::string>& wanted) {
  for (const auto& name : wanted) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  }
  for (const auto& name : wanted) {
    const auto at =
        std::find_if(names.begin(), names.end(), [&](const auto& other) { return same_but_for_case(other, name); });
    if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  }
  return std::nullopt;
}

NameWithUnits split_units(const std::string& header) {
  for (const auto& [open, close] : {std::pair{'(', ')'}, std::pair{'[', ']'}}) {
    const auto begin = header.find(open);
    if (begin == std::string::npos || begin == 0 || header.back() != close) continue;
    const auto end = header.find_last_not_of(' ', begin - 1);
    if (end == std::string::npos) continue;
    return {header.substr(0, end + 1), header.substr(begin + 1, header.size() - begin - 2)};
  }
  return {header};
}

}  // namespace sda::io
