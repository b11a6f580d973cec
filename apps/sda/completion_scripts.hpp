/// The files of completion/, embedded in the program.
#pragma once

#include <string_view>

namespace sda::app::scripts {

extern const std::string_view sda_bash;
extern const std::string_view sda_zsh;
extern const std::string_view commands_zsh;  ///< a function that completes a command which has others below it

}  // namespace sda::app::scripts
