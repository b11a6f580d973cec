/// NumPy arrays ↔ tensors, of one memory.
#include <ATen/ops/from_blob.h>

#include "binding.hpp"

namespace sda::python {
namespace {

at::ScalarType type_of(const py::array& array, const std::string& where) {
  const py::dtype dtype = array.dtype();
  const auto is = [&](char kind, py::ssize_t size) { return dtype.kind() == kind && dtype.itemsize() == size; };
  if (is('f', 4)) return at::kFloat;
  if (is('f', 8)) return at::kDouble;
  if (is('i', 8)) return at::kLong;
  if (is('i', 4)) return at::kInt;
  if (is('b', 1)) return at::kBool;
  throw ValueError({.what = "an array of another dtype",
                    .where = where,
                    .found = py::str(static_cast<py::object>(dtype)),
                    .expected = "float32 or float64"});
}

py::dtype dtype_of(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return py::dtype::of<float>();
    case at::kDouble:
      return py::dtype::of<double>();
    case at::kLong:
      return py::dtype::of<std::int64_t>();
    case at::kInt:
      return py::dtype::of<std::int32_t>();
    case at::kBool:
      return py::dtype::of<bool>();
    default:
      throw UnsupportedError({.what = "a tensor of a type that NumPy does not get from us"});
  }
}

/// As libtorch can point at it: its own bytes, strides that are whole and not negative.
py::array pointable(const py::array& array) {
  bool fits = array.dtype().attr("isnative").cast<bool>();
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    fits = fits && (array.shape(axis) < 2 || (array.strides(axis) >= 0 && array.strides(axis) % array.itemsize() == 0));
  }
  if (fits) return array;
  const py::object numpy = py::module_::import("numpy");
  return numpy.attr("ascontiguousarray")(array, array.dtype().attr("newbyteorder")("="));
}

}  // namespace

Tensor tensor_of(const py::array& given, const std::string& where) {
  const at::ScalarType type = type_of(given, where);
  const py::array array = pointable(given);
  Shape sizes, strides;
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    sizes.push_back(array.shape(axis));
    strides.push_back(array.shape(axis) < 2 ? 1 : array.strides(axis) / array.itemsize());
  }
  // Freed by whichever thread lets the last tensor go.
  auto* const owner = new py::array(array);
  const auto release = [owner](void*) {
    if (Py_IsInitialized() == 0) return;
    const py::gil_scoped_acquire gil;
    delete owner;
  };
  return at::from_blob(const_cast<void*>(array.data()), sizes, strides, release, at::TensorOptions().dtype(type));
}

py::object array_of(const Tensor& tensor) {
  if (!tensor.defined()) return py::none();
  const Tensor kept = tensor.detach();
  std::vector<py::ssize_t> sizes(kept.sizes().begin(), kept.sizes().end()), strides;
  for (const auto stride : kept.strides()) {
    strides.push_back(static_cast<py::ssize_t>(stride) * static_cast<py::ssize_t>(kept.element_size()));
  }
  const py::capsule owner(new Tensor(kept), [](void* pointer) { delete static_cast<Tensor*>(pointer); });
  return py::array(dtype_of(kept), sizes, strides, kept.data_ptr(), owner);
}

}  // namespace sda::python
