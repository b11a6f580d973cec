/// The sphere: points as unit vectors, and distances along great circles. Angles in radians.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

namespace sda {

using UnitVector = std::array<double, 3>;

inline UnitVector unit_vector(double latitude, double longitude) {
  return {std::cos(latitude) * std::cos(longitude), std::cos(latitude) * std::sin(longitude), std::sin(latitude)};
}

inline double squared_chord(const UnitVector& a, const UnitVector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

/// By the haversine formula, which is exact for small distances too; `longitude` is the difference of both.
inline double great_circle(double latitude_a, double latitude_b, double longitude) {
  const double y = std::sin((latitude_b - latitude_a) / 2), x = std::sin(longitude / 2);
  return 2 * std::asin(std::min(1.0, std::sqrt(y * y + std::cos(latitude_a) * std::cos(latitude_b) * x * x)));
}

}  // namespace sda
