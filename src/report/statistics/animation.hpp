/// Fields on a plane as pictures that follow each other in time: drawn as a page by page.cpp, as PNG and GIF by
/// picture.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/colour.hpp"
#include "sda/report/report.hpp"

namespace sda::report {

/// What colours mean.
struct ColourScale {
  ColourMap map = ColourMap::diverging;
  double largest = 1;  ///< over the origin; values beyond take the colour of the end
  std::string label;   ///< "vorticity (dimensionless)"
  double origin = 0;   ///< what colours count from: 0, or about the least value of a quantity that is far from it

  double first() const { return origin + value_of(map, 1, largest); }
  double last() const { return origin + largest; }
  std::uint8_t level(double value) const { return level_of(map, value - origin, largest); }
};

/// One quantity at each time, on one grid.
struct FieldFrames {
  std::string name;  ///< "truth", "observations", "mean", "spread", "member 1"
  std::int64_t height = 0, width = 0;
  std::size_t scale = 0;             ///< which of the scales
  std::vector<std::uint8_t> levels;  ///< (times, y, x): levels of `scale`, 0 where there is no value
  std::uint8_t at(std::size_t time, std::int64_t y, std::int64_t x) const {
    return levels[(time * static_cast<std::size_t>(height) + static_cast<std::size_t>(y)) *
                      static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x)];
  }
};

/// An axis of space, drawn to the right or upwards from the edge of the first cell to that of the last.
struct Axis {
  std::string label;  ///< "x (dimensionless)"
  double from = 0, to = 1;
};

struct Animation {
  /// "time 0.4", or a date.
  std::string time_text(std::size_t time) const;

  std::vector<FieldFrames> fields;
  std::vector<ColourScale> scales;  ///< in use
  std::vector<double> times;
  std::vector<std::size_t> pictured;  ///< indices of the times on a still picture
  std::vector<std::string> dates{};   ///< of the times, where they have a calendar; else empty
  Axis x, y;
  double aspect = 1;  ///< width over height
  std::string caption;
};

inline constexpr std::int64_t max_pixels = 2'500'000;

/// How many quantities are drawn of states: the vorticity in place of a velocity, and each other variable, at most 4.
/// None of states that have not two axes of space.
std::size_t shown_quantities(const StateLayout& layout);

/// One of these quantities, at so many times that its fields have at most `pixels` pixels in all. Nothing if there is
/// none.
std::optional<Animation> animation_of(const ReportCase& report_case, std::int64_t pixels = max_pixels,
                                      std::size_t quantity = 0);

}  // namespace sda::report
