/// The report as one HTML page.
#pragma once

#include <string>
#include <vector>

#include "report/figures.hpp"

namespace sda::report {

/// The whole page: style, script and data inside, nothing loaded from anywhere.
std::string page(const std::string& title, const std::vector<Figures>& cases, const std::string& table,
                 const Provenance& provenance);

/// Text as HTML shows it.
std::string escape_html(const std::string& text);

}  // namespace sda::report
