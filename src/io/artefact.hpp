/// What all files of ours have in common: kind, provenance, layout, normalisation, states. Private to the room.
#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "io/netcdf_file.hpp"
#include "sda/core/error.hpp"
#include "sda/io/files.hpp"

namespace sda::io {

/// CF attributes, kind and provenance.
void write_head(WritableGroup& file, FileKind kind, const std::string& title, const Provenance& provenance);
Provenance read_provenance(const ReadableGroup& file);
/// Throws FileError if the file is not ours.
FileKind read_kind(const ReadableGroup& file);
/// Throws FileError if the file is of another kind: "is an ensemble file, wanted …".
void require_kind(const ReadableGroup& file, FileKind wanted);

void write_layout(WritableGroup& file, const StateLayout& layout);
StateLayout read_layout(const ReadableGroup& file);

void write_normalisation(WritableGroup& file, const StateLayout& layout, const Normalisation& normalisation);
Normalisation read_normalisation(const ReadableGroup& file, const StateLayout& layout);

/// Times start + i dt of states `index` as the unlimited dimension `time`; CF units in which CDO and xarray read them.
void write_times(WritableGroup& file, const StateLayout& layout, const std::string& dimension, const Tensor& times);

/// States (member, time, …event) as one variable (time, realization, …space) for each of the layout. Refuses values
/// that are not finite: no reader would take them.
void write_states(WritableGroup& file, const StateLayout& layout, const Tensor& states, double start_time);
struct States {
  Tensor states;
  double start_time = 0;
};
/// Refuses other shapes, values that are missing or not finite, and times that are not `layout.dt` apart.
States read_states(const ReadableGroup& file, const StateLayout& layout);

/// The values of variable `index` within (…, event): (…, space).
Tensor channel(const Tensor& states, const StateLayout& layout, std::size_t index);

/// Throws FileError saying how many values are NaN, infinite or missing (NetCDF's fill value) and where the first is;
/// `axes` name the axes of `values`.
void require_finite(const Tensor& values, const std::vector<std::string>& axes, const std::string& where);

/// What `read` returns; any other error becomes a FileError of `path`.
template <class Read>
auto reading(const std::string& path, Read read) {
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
