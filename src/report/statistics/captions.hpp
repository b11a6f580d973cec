/// What panels say, in a sentence.
#pragma once

#include <string>
#include <vector>

#include "report/statistics/case_data.hpp"

namespace sda::report {

/// How often the bands hold the truth, and how wide they are beside each other.
std::string band_sentence(const CaseData& data, const std::vector<Panel>& panels);

}  // namespace sda::report
