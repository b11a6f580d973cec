/// The page's style sheet and script, built into the library from page.css and page.js (cmake/SdaEmbed.cmake).
#pragma once

#include <string_view>

namespace sda::report {

extern const std::string_view page_css;
extern const std::string_view page_js;

}  // namespace sda::report
