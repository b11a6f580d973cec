/// Figures of the public reference implementation: datasets of tests/golden/data, as tensors.
#pragma once

#include <fmt/format.h>

#include <hdf5.h>

#include <stdexcept>
#include <string>

#include "core/torch.hpp"
#include "sda/core/tensor.hpp"

namespace sda::test {

/// `dataset` of the file "NAME.h5": floats as they are stored (float32 or float64), whole numbers as int64. A scalar
/// dataset gives a tensor without axes. Throws std::runtime_error if there is no such dataset.
inline Tensor golden(const std::string& file, const std::string& dataset) {
  const std::string path = fmt::format("{}/{}", SDA_GOLDEN_DIR, file);
  const auto checked = [&](hid_t id) {
    if (id < 0) throw std::runtime_error("cannot read " + dataset + " of " + path);
    return id;
  };
  const hid_t opened = checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  const hid_t set = checked(H5Dopen2(opened, dataset.c_str(), H5P_DEFAULT));
  const hid_t space = checked(H5Dget_space(set)), type = checked(H5Dget_type(set));

  std::vector<hsize_t> extents(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, extents.data(), nullptr);
  const bool whole = H5Tget_class(type) == H5T_INTEGER, narrow = H5Tget_size(type) == 4;
  const at::ScalarType scalar = whole ? at::kLong : narrow ? at::kFloat : at::kDouble;
  const hid_t memory = whole ? H5T_NATIVE_INT64 : narrow ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
  Tensor values = at::empty(Shape(extents.begin(), extents.end()), scalar);
  checked(H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data_ptr()));

  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  H5Fclose(opened);
  return values;
}

/// Largest |a − b| / max(1, |b|), in float64: what a golden tolerance bounds.
inline double golden_error(const Tensor& a, const Tensor& b) {
  const Tensor expected = b.to(at::kDouble);
  return ((a.to(at::kDouble) - expected).abs() / expected.abs().clamp_min(1)).max().item<double>();
}

}  // namespace sda::test
