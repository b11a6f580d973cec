/// What NetCDF readers of observations share, and which of them reads a file.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/times.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::io {
namespace {

/// What `work` returns; a ValueError of it becomes a FileError of the place.
template <class Work>
auto at_place(const std::string& where, Work work) {
  try {
    return work();
  } catch (const ValueError& error) {
    Fault fault = error.fault();
    fault.where = where;
    throw FileError(fault);
  }
}

}  // namespace

std::vector<double> column_from(const Tensor& values) {
  const Tensor flat = values.to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

std::vector<double> converted(std::vector<double> numbers, const UnitConversion& convert) {
  if (convert.is_identity()) return numbers;
  std::transform(numbers.begin(), numbers.end(), numbers.begin(), convert);
  return numbers;
}

std::vector<double> read_observation_times(const ReadableGroup& group, const std::string& name,
                                           const StateLayout& layout) {
  const std::string where = group.where(name);
  if (group.is_text(name)) {
    std::vector<double> times;
    for (const auto& text : group.read_texts(name)) {
      times.push_back(at_place(fmt::format("{}, location {} (counted from 0)", where, times.size()),
                               [&] { return parse_time(text, layout); }));
    }
    return times;
  }
  const auto convert = at_place(where, [&] {
    return conversion_of_times(group.text_of(name, "units").value_or(""), group.text_of(name, "calendar").value_or(""),
                               layout);
  });
  std::vector<double> times = column_from(read_decoded(group, name, at::kDouble));
  std::transform(times.begin(), times.end(), times.begin(), convert);
  return times;
}

std::vector<std::pair<std::string, std::size_t>> observed_variables(const std::vector<std::string>& names,
                                                                    const ExpectedObservations& expected,
                                                                    const std::string& where, ObservationTable& table) {
  std::vector<std::pair<std::string, std::size_t>> found;
  std::vector<std::string> others;
  for (const auto& name : names) {
    if (const auto observable = expected.find(name)) {
      found.emplace_back(name, *observable);
    } else {
      others.push_back(name);
    }
  }
  if (found.empty()) {
    const auto known = expected.names();
    std::string nearest;
    for (const auto& name : others) {
      if (nearest.empty() && !nearest_name(name, known).empty())
        nearest = name + ": did you mean " + nearest_name(name, known) + "?";
    }
    throw FileError({.what = "no variable of the system is in the file",
                     .where = where,
                     .found = others.empty() ? "none" : fmt::format("{}", fmt::join(others, ", ")),
                     .expected = fmt::format("one of {}", fmt::join(known, ", ")),
                     .hint = nearest});
  }
  if (!others.empty()) table.remarks.push_back(fmt::format("variables not used: {}", fmt::join(others, ", ")));
  return found;
}

bool is_netcdf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> bytes{};
  file.read(bytes.data(), bytes.size());
  const std::string_view first(bytes.data(), static_cast<std::size_t>(file.gcount()));
  return first == "\x89HDF" || first.starts_with("CDF");
}

ObservationTable decode_observations(const std::string& path, const ExpectedObservations& expected) {
  if (!is_netcdf(path)) return decode_csv(path, expected);
  const NetcdfReader reader(path);
  const ReadableGroup file = reader.root();
  return file.has_group("ObsValue") ? decode_ioda(file, expected) : decode_grids(file, expected);
}

}  // namespace sda::io
