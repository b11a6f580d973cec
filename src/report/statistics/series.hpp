/// What a panel of curves shows, as plain numbers: bands, lines and observations over one axis.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sda::report {

/// Which series a reader switches on and off; also the name of its style.
enum class Role { members, posterior_band, posterior_mean, reference_band, reference_mean, truth };
/// "posterior-band": the class of the page's style sheet.
std::string to_string(Role role);

struct Band {
  Role role;
  std::string label;
  std::vector<double> low, high;
};

struct Curve {
  Role role;
  std::string label;
  std::vector<double> values;
  bool dashed = false;
};

/// What was observed, with one standard deviation of its noise, in the panel's unit.
struct ObservedValues {
  std::vector<double> times, values, errors;
};

/// Curves over one time axis.
struct Panel {
  std::string name;   ///< "x"
  std::string title;  ///< "Lorenz 1963 convection intensity"
  std::string unit;   ///< "dimensionless"
  std::vector<double> times;
  std::vector<std::vector<double>> members;  ///< a few of the posterior's
  std::vector<Band> bands;
  std::vector<Curve> curves;
  ObservedValues observations;
  bool from_zero = false;  ///< the axis starts at zero

  std::string axis() const;  ///< "x (dimensionless)"
  /// Least and largest value shown, with a margin; never empty.
  std::pair<double, double> range() const;
};

/// Least and largest value shown in the panel, over whole powers of ten, as exponents.
std::pair<double, double> decades(const Panel& panel);
/// first, 2 first, 4 first … up to last: marks of a logarithmic axis.
std::vector<double> doublings(double first, double last);

}  // namespace sda::report
