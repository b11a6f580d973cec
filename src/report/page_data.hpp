/// What the page's script needs of a case, as JSON.
#pragma once

#include <string>

#include "report/statistics/case_statistics.hpp"

namespace sda::report {

/// Times, animations and the values of all panels over time, in the order in which the page shows them. No text in it
/// can end a script element early.
std::string page_data(const CaseStatistics& statistics);

}  // namespace sda::report
