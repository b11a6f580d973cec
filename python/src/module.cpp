/// The extension module `_sda`: the library's calls on values that the package makes of Python's.
#include "binding.hpp"

PYBIND11_MODULE(_sda, module) {
  using namespace sda::python;
  bind_errors(module);
  bind_runtime(module);
  bind_data(module);
  bind_prior(module);
  bind_observations(module);
  bind_functions(module);
  bind_denoiser(module);
  bind_dynamics(module);
  bind_evaluation(module);
}
