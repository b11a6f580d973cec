/// Files of observations of a small ocean, and what is read of them.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "data/formats/netcdf_file.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/data/observations.hpp"

namespace sda::test {

using Numbers = std::vector<double>;

/// Two variables on lat −60, −20, 20, 60 and lon 0, 90, 180, 270, every 6 hours.
inline StateLayout ocean() {
  return {.event = {2, 4, 4},
          .variables = {{"sst", "temperature", "K"}, {"ssh", "height", "m"}},
          .space_names = {"lat", "lon"},
          .dt = 6,
          .time_units = "hours",
          .coordinates = {{{-60, -20, 20, 60}, "degrees_north"}, {{0, 90, 180, 270}, "degrees_east"}},
          .time_origin = "2004-02-28 12:00",
          .calendar = "noleap"};
}

inline Normalisation ocean_normalisation() {
  return {at::tensor({290.0, 0.0}, at::kDouble).view({2, 1, 1}), at::tensor({5.0, 0.5}, at::kDouble).view({2, 1, 1})};
}

class ObservationFileTest : public testing::Test {
 protected:
  Observations read(const std::string& text) const {
    write_bytes(folder_.file("r.csv"), text);
    return read_observations(folder_.file("r.csv"), layout, normalisation, parameters, window);
  }
  std::string refusal(const std::string& text) const {
    try {
      read(text);
    } catch (const Error& error) {
      return without_folder(error.what());
    }
    return "accepted";
  }
  static std::string without_folder(const std::string& message) {
    const auto name = message.find("r.csv");
    return name == std::string::npos ? message : message.substr(name);
  }
  /// A column of the link `points`.
  static Numbers column(const Observations& y, const std::string& name) {
    const auto& points = y.parts.front().chain.back();
    const auto rows = std::ssize(points.numbers) / std::ssize(points.names);
    const auto at = std::find(points.names.begin(), points.names.end(), name) - points.names.begin();
    EXPECT_LT(at, std::ssize(points.names)) << name;
    return {points.numbers.begin() + at * rows, points.numbers.begin() + (at + 1) * rows};
  }
  static Numbers values(const Observations& y) {
    const Tensor flat = y.parts.front().values.flatten().contiguous();
    return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
  }

  StateLayout layout = ocean();
  Normalisation normalisation = ocean_normalisation();
  ObservationFileParameters parameters;
  AssimilationWindow window;
  ScratchFolder folder_;
};

/// Three locations as IODA has them.
class IodaTest : public ObservationFileTest {
 protected:
  void put(io::WritableGroup& file, const std::string& group, const std::string& name, const Numbers& numbers,
           const io::Attributes& attributes = {}, std::optional<double> fill = {}) {
    if (groups_.count(group) == 0) groups_.emplace(group, file.make_group(group));
    groups_.at(group).variable(name, {"Location"}, at::tensor(numbers, at::kDouble), attributes, fill);
  }
  std::string ioda(const std::function<void(io::WritableGroup&)>& fill) {
    groups_.clear();
    io::NetcdfWriter writer(folder_.file("r.csv"));  // told by what is in it, not by its name
    io::WritableGroup file = writer.root();
    file.dimension("Location", 3);
    fill(file);
    writer.commit();
    return folder_.file("r.csv");
  }
  void put_places(io::WritableGroup& file, const std::string& units = "hours since 2004-02-28 12:00") {
    put(file, "MetaData", "dateTime", {0, 3, 12}, {{"units", units}, {"calendar", "365_day"}});
    put(file, "MetaData", "latitude", {-20, 0, 60});
    put(file, "MetaData", "longitude", {90, 45, -90});
  }
  Observations read_ioda(const std::function<void(io::WritableGroup&)>& fill) {
    return read_observations(ioda(fill), layout, normalisation, parameters, window);
  }
  std::string refusal_of(const std::function<void(io::WritableGroup&)>& fill) {
    try {
      read_ioda(fill);
    } catch (const Error& error) {
      return without_folder(error.what());
    }
    return "accepted";
  }
  std::map<std::string, io::WritableGroup> groups_;
};

}  // namespace sda::test
