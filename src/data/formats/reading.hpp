/// What readers of all formats share: errors that name the file, and values that must be finite.
#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/tensor.hpp"

namespace sda::io {

/// What NetCDF has where nothing was written, and a bound that no number that is meant comes near.
constexpr double fill_value = 9.9692099683868690e+36;
constexpr double largest_meant = 9.9e36;

/// Of a tensor's first axis, how many indices hold some 16 MB: what is made of many values is made of so many at once.
std::int64_t indices_at_once(const Tensor& values);

/// Throws FileError saying how many values are NaN, infinite or missing (NetCDF's fill value) and where the first is;
/// `axes` name the axes of `values`.
void require_finite(const Tensor& values, const std::vector<std::string>& axes, const std::string& where);

/// What `read` returns; any other error becomes a FileError of `path`.
template <class Read>
auto reading_file(const std::string& path, Read read) {
  try {
    return read();
  } catch (const FileError&) {
    throw;
  } catch (const Error& error) {
    Fault fault = error.fault();
    fault.where = fault.where.empty() ? path : path + ": " + fault.where;
    throw FileError(fault);
  } catch (const c10::Error& error) {
    throw FileError({.what = "cannot be read: " + std::string(error.what_without_backtrace()), .where = path});
  } catch (const std::bad_alloc&) {
    throw FileError({.what = "cannot be read: it needs more memory than there is", .where = path});
  } catch (const std::length_error&) {
    throw FileError({.what = "cannot be read: it needs more memory than there is", .where = path});
  }
}

}  // namespace sda::io
