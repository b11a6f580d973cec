/// States and fields in a file of ours: times, values, what is masked. Private to the module.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/formats/netcdf_file.hpp"
#include "sda/core/layout.hpp"

namespace sda::io {

/// Times start + i dt of states `index` as the unlimited dimension `time`; CF units in which CDO and xarray read them.
void write_times(WritableGroup& file, const StateLayout& layout, const std::string& dimension, const Tensor& times);

/// What stands where the layout's mask says that there are no values: the numbers in memory, which training and
/// operators need, or NetCDF's fill value.
enum class Masked { kept, missing };

/// Long and standard name and units; `before` the long name.
Attributes attributes_of(const Variable& variable, const std::string& before = "");
/// The attribute `coordinates` of what lies over a curvilinear grid, which names its latitudes and longitudes (CF 5.2);
/// none of other layouts.
Attributes coordinates_of(const StateLayout& layout);
/// The dimensions of time and space, with their coordinates.
void write_axes(WritableGroup& file, const StateLayout& layout, std::int64_t length, double start_time);
/// Values (…, space) of variable `index` of the layout. Refuses values that are not finite: no reader would take them.
void write_field(WritableGroup& file, const StateLayout& layout, std::size_t index, const std::string& name,
                 const std::vector<std::string>& dimensions, const Tensor& values, const Attributes& attributes,
                 Masked masked);
/// The values as write_field stores them; refuses those that are not finite.
Tensor storable(const StateLayout& layout, std::size_t index, const Tensor& values,
                const std::vector<std::string>& dimensions, const std::string& where, Masked masked);
/// {"time", "realization", …space}.
std::vector<std::string> state_dimensions(const StateLayout& layout);
/// The dimension of members and its coordinate: `members` numbers from `first` on.
void write_realizations(WritableGroup& file, std::int64_t members, std::int64_t first = 0);
/// Throws ShapeError unless they are states (member, time, …event) of the layout.
void require_states(const StateLayout& layout, const Tensor& states);
/// States (member, time, …event) as one variable (time, realization, …space) for each of the layout.
void write_states(WritableGroup& file, const StateLayout& layout, const Tensor& states, double start_time,
                  Masked masked = Masked::kept);
struct States {
  Tensor states;
  double start_time = 0;
};
/// Members `first` … of a file's.
struct SomeMembers {
  std::int64_t first = 0, count = 0;
};
/// All members, or some. Refuses other shapes, values that are missing (unless masked: 0) or not finite, and times that
/// are not `layout.dt` apart.
States read_states(const ReadableGroup& file, const StateLayout& layout,
                   const std::optional<SomeMembers>& some = std::nullopt);

/// Fields that a network sees beside the state, (c, …space); undefined, and nothing written, where there are none.
void write_context(WritableGroup& file, const StateLayout& layout, const Tensor& context);
Tensor read_context(const ReadableGroup& file);

/// The values of variable `index` within (…, event): (…, space).
Tensor channel(const Tensor& states, const StateLayout& layout, std::size_t index);

}  // namespace sda::io
