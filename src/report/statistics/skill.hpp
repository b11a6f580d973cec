/// Spread of the members and error of their mean, over time.
#pragma once

#include <string>

#include "report/statistics/case_data.hpp"

namespace sda::report {

struct Skill {
  Panel panel;  ///< root mean square over all components, normalised; without curves for single members
  std::string caption;
};

Skill skill_of(const CaseData& data);

}  // namespace sda::report
