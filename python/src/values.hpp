/// What files of ours hold, as dictionaries of arrays: in memory what a file is on a disk.
#pragma once

#include "binding.hpp"

namespace sda::python {

py::dict dict_of(const TrajectoryFile& file);
TrajectoryFile trajectories_of(const py::dict& from);
py::dict dict_of(const EnsembleFile& file);
EnsembleFile ensemble_of(const py::dict& from);

}  // namespace sda::python
