/// Units of measure as UDUNITS-2 knows them: "degC", "m s-1", "hours".
#pragma once

#include <optional>
#include <string>

namespace sda {

/// Values of one unit as values of another: scale v + offset. A standard deviation takes the scale alone.
struct UnitConversion {
  double scale = 1, offset = 0;
  double operator()(double value) const { return scale * value + offset; }
  bool is_identity() const { return scale == 1 && offset == 0; }
};

/// Whether a text says that there is no unit or none is known: nothing, "1", "-", "none", "unitless", "dimensionless".
bool is_unitless(const std::string& units);

/// Whether UDUNITS-2 knows a unit.
bool is_unit(const std::string& units);

/// From one unit to another; nothing where one cannot be converted to the other by scale and offset, or is unknown.
/// The same text is the same unit, known or not.
std::optional<UnitConversion> conversion_of_units(const std::string& from, const std::string& to);

}  // namespace sda
