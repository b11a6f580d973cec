/// What all bindings share: arrays ↔ tensors, dictionaries ↔ layouts, long calls without the GIL.
#pragma once

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/error.hpp"
#include "sda/core/layout.hpp"
#include "sda/core/progress.hpp"
#include "sda/core/provenance.hpp"
#include "sda/core/tensor.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/experiment/run.hpp"

namespace sda::python {

namespace py = pybind11;

/// The memory of an array as a tensor: nothing is copied unless strides are negative or bytes swapped. The tensor keeps
/// the array alive. Throws ValueError for a dtype other than float32, float64, int64, int32 and bool.
Tensor tensor_of(const py::array& array, const std::string& where);
/// The memory of a tensor on the CPU as an array, which keeps the tensor alive; None for an undefined one.
py::object array_of(const Tensor& tensor);

/// A layout as the dictionary that `sda_layout` of a file is, with "coordinate_values" and "mask" beside it.
py::dict dict_of(const StateLayout& layout);
StateLayout layout_of(const py::dict& layout);
py::dict dict_of(const Provenance& provenance);
Provenance provenance_of(const py::dict& provenance);

/// Where settings go: pairs (key, value as TOML).
using Settings = std::vector<std::pair<std::string, std::string>>;
/// Puts them over an experiment; sections in `fixed` are refused.
void apply(Experiment& experiment, const Settings& settings, const std::vector<std::string>& fixed);

/// Observations with what their file holds beside them.
struct BoundObservations {
  Observations observations;
  std::string dynamics;  ///< TOML; empty for a system that was imported
  bool has_functions() const;
};

/// A prior with what its file holds beside it.
struct LoadedPrior {
  ModelFile file;
  std::string path;  ///< for messages
};

/// Work without the GIL. Ctrl-C asks the library to stop, as it does in the program, where Python's own handler stands
/// and this is the main thread; what it throws then becomes sda.Interrupted.
class LongCall {
 public:
  LongCall();
  ~LongCall();
  LongCall(const LongCall&) = delete;
  LongCall& operator=(const LongCall&) = delete;

 private:
  bool handles_ = false;
  std::optional<py::gil_scoped_release> released_;
};
/// `callback(done, total, note)` at most ten times a second, with the GIL; nothing for None. `stops`: it throws
/// Interrupted after a stop signal, for work that does not look at signals itself.
ProgressCallback progress_of(const py::object& callback, bool stops = false);

/// Whether it is a denoiser of Python, which no file can hold and no other device.
bool is_of_python(const Network& network);

void bind_errors(py::module_& module);
void bind_runtime(py::module_& module);
void bind_data(py::module_& module);
void bind_prior(py::module_& module);
void bind_observations(py::module_& module);
void bind_functions(py::module_& module);
void bind_denoiser(py::module_& module);
void bind_dynamics(py::module_& module);
void bind_evaluation(py::module_& module);

}  // namespace sda::python
