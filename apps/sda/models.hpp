/// Models that are installed with the program, by name: "lorenz63_k8" is PREFIX/share/sda/models/lorenz63_k8.nc.
#pragma once

#include <string>

#include "command.hpp"

namespace sda::app {

/// `name` itself where there is such a file or it is a path; else the installed model of that name, if there is one.
std::string model_file(const std::string& name);

/// --model: a file, or the name of an installed model.
CLI::Option* add_model_flag(CLI::App& flags, std::string& model, const std::string& help);

}  // namespace sda::app
