/// The report as one HTML page.
#pragma once

#include <string>
#include <vector>

#include "report/statistics/case_statistics.hpp"

namespace sda::report {

/// The whole page: style, script and data inside, nothing loaded from anywhere.
std::string page(const std::string& title, const std::vector<CaseStatistics>& cases, const std::string& table,
                 const Provenance& provenance);

}  // namespace sda::report
