/// The page's style sheets, its script and its template, built into the library from their files
/// (cmake/SdaEmbed.cmake).
#pragma once

#include <string_view>

namespace sda::report {

extern const std::string_view figure_css;
extern const std::string_view page_css;
extern const std::string_view page_html;
extern const std::string_view page_js;

}  // namespace sda::report
