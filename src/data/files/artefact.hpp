/// What all files of ours have in common: kind, provenance, layout, normalisation, states. Private to the room.
#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "data/formats/netcdf_file.hpp"
#include "sda/core/error.hpp"
#include "sda/data/files.hpp"

namespace sda::io {

/// CF attributes, kind and provenance.
void write_head(WritableGroup& file, FileKind kind, const std::string& title, const Provenance& provenance);
/// The same without a kind, for files that other programs read.
void write_origin(WritableGroup& file, const std::string& title, const Provenance& provenance);
Provenance read_provenance(const ReadableGroup& file);
/// Throws FileError if the file is not ours.
FileKind read_kind(const ReadableGroup& file);
/// Throws FileError if the file is of another kind: "is an ensemble file, expected …".
void require_kind(const ReadableGroup& file, FileKind expected);

/// Where a grid's spacing is known, its axes have coordinates: those given, else the centres of its cells.
void write_coordinates(WritableGroup& file, const StateLayout& layout);
void write_layout(WritableGroup& file, const StateLayout& layout);
StateLayout read_layout(const ReadableGroup& file);

void write_normalisation(WritableGroup& file, const StateLayout& layout, const Normalisation& normalisation);
Normalisation read_normalisation(const ReadableGroup& file, const StateLayout& layout);

/// Times start + i dt of states `index` as the unlimited dimension `time`; CF units in which CDO and xarray read them.
void write_times(WritableGroup& file, const StateLayout& layout, const std::string& dimension, const Tensor& times);

/// What stands where the layout's mask says that there are no values: the numbers in memory, which training and
/// operators need, or NetCDF's fill value.
enum class Masked { kept, missing };

/// Long and standard name and units; `before` the long name.
Attributes attributes_of(const Variable& variable, const std::string& before = "");
/// The dimensions of time and space, with their coordinates.
void write_axes(WritableGroup& file, const StateLayout& layout, std::int64_t length, double start_time);
/// Values (…, space) of variable `index` of the layout. Refuses values that are not finite: no reader would take them.
void write_field(WritableGroup& file, const StateLayout& layout, std::size_t index, const std::string& name,
                 const std::vector<std::string>& dimensions, const Tensor& values, const Attributes& attributes,
                 Masked masked);
/// States (member, time, …event) as one variable (time, realization, …space) for each of the layout.
void write_states(WritableGroup& file, const StateLayout& layout, const Tensor& states, double start_time,
                  Masked masked = Masked::kept);
struct States {
  Tensor states;
  double start_time = 0;
};
/// Refuses other shapes, values that are missing (unless masked: 0) or not finite, and times that are not `layout.dt`
/// apart.
States read_states(const ReadableGroup& file, const StateLayout& layout);

/// Fields that a network sees beside the state, (c, …space); undefined, and nothing written, where there are none.
void write_context(WritableGroup& file, const StateLayout& layout, const Tensor& context);
Tensor read_context(const ReadableGroup& file);

/// The values of variable `index` within (…, event): (…, space).
Tensor channel(const Tensor& states, const StateLayout& layout, std::size_t index);

/// Throws FileError saying how many values are NaN, infinite or missing (NetCDF's fill value) and where the first is;
/// `axes` name the axes of `values`.
void require_finite(const Tensor& values, const std::vector<std::string>& axes, const std::string& where);

/// What `read` returns; any other error becomes a FileError of `path`.
template <class Read>
auto observation(const std::string& path, Read read) {
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
