/// Observations in other units than the data's: what is converted, assumed or refused.
#pragma once

#include <optional>
#include <string>

#include "core/units.hpp"
#include "data/observations/places.hpp"
#include "data/observations/table.hpp"

namespace sda::io {

/// From the units that a file states for values of an observable to the data's; `where` is for messages. What is
/// converted and what is assumed is a remark of the table, once. Units that are not stated are taken for the data's;
/// where the data have none, those stated are taken for theirs. Throws FileError for units that do not convert.
UnitConversion conversion_of_values(const std::optional<std::string>& stated, std::size_t observable,
                                    const ExpectedObservations& expected, const std::string& where,
                                    ObservationTable& table);

/// The same of coordinates of places; units that are not stated, or that nobody knows, are taken for the data's.
UnitConversion conversion_of_places(const std::optional<std::string>& stated, const PlaceCoordinate& coordinate,
                                    const std::string& where);

}  // namespace sda::io
