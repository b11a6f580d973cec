/// Which components of the state are shown, and a panel of each.
#pragma once

#include <vector>

#include "report/statistics/case_data.hpp"

namespace sda::report {

inline constexpr std::int64_t max_panels = 6;

/// Panels that a case has room for. Curves at single points say little of fields, which have pictures of their own.
std::int64_t panels_of(const StateLayout& layout);

/// Evenly spread components of the flattened event; where points were read one by one, those that were read most
/// often, of one variable after the other.
std::vector<std::int64_t> shown_components(const CaseData& data);

/// A panel for each of these components.
std::vector<Panel> state_panels(const CaseData& data, const std::vector<std::int64_t>& shown);

}  // namespace sda::report
