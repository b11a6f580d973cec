/// Observations in other units than the data's.
#include "data/observations/units.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sda/core/error.hpp"

namespace sda::io {
namespace {

void remark_once(ObservationTable& table, const std::string& remark) {
  auto& all = table.remarks;
  if (std::find(all.begin(), all.end(), remark) == all.end()) all.push_back(remark);
}

[[noreturn]] void refuse_units(const std::string& stated, const std::string& units, const std::string& where) {
  const bool known = is_unit(stated);
  throw FileError({.what = known ? "units that do not convert to the data's" : "units that UDUNITS-2 does not know",
                   .where = where,
                   .found = stated,
                   .expected = fmt::format("{}, or units that convert to it", units),
                   .hint = stated == "C" ? "degrees Celsius are degC; C is coulomb" : ""});
}

}  // namespace

UnitConversion conversion_of_values(const std::optional<std::string>& stated, std::size_t observable,
                                    const ExpectedObservations& expected, const std::string& where,
                                    ObservationTable& table) {
  // The unit of a formula is not known.
  if (!expected.observables[observable].formula.empty()) return {};
  const Variable& variable = expected.layout.variables[observable];
  const bool no_units = is_unitless(variable.units);
  if (!stated || stated->empty()) {
    if (!no_units)
      remark_once(table, fmt::format("units of {} are not stated: taken for {}", variable.name, variable.units));
    return {};
  }
  if (const auto conversion = conversion_of_units(*stated, variable.units)) {
    if (!conversion->is_identity()) {
      remark_once(table, fmt::format("{} converted from {} to {}", variable.name, *stated, variable.units));
    }
    return *conversion;
  }
  if (!no_units) refuse_units(*stated, variable.units, where);
  remark_once(table, fmt::format("the data have no units for {}: {} taken for theirs", variable.name, *stated));
  return {};
}

UnitConversion conversion_of_places(const std::optional<std::string>& stated, const PlaceCoordinate& coordinate,
                                    const std::string& where) {
  const std::string& units = coordinate.units;
  if (!stated || is_unitless(*stated) || is_unitless(units) || !is_unit(*stated) || !is_unit(units)) return {};
  if (const auto conversion = conversion_of_units(*stated, units)) return *conversion;
  refuse_units(*stated, units, where);
}

}  // namespace sda::io
