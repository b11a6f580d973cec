/// Trajectories in files of other programs: every variable is put in the order (trajectory, time, channel, …space) by
/// the names of its dimensions, files follow each other, and what follows in equal steps is cut into pieces of one
/// length. First all that files say of their states, then the states themselves, as many at a time as are asked for.
#include "sda/data/import.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glob.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "data/files/artefact.hpp"
#include "data/formats/cf_decoding.hpp"
#include "sda/core/runtime.hpp"

namespace sda {

using namespace io;

namespace {

/// Of two times that should be the same, in steps.
constexpr double time_tolerance = 1e-3;

std::vector<std::string> find_files(const DataParameters& p) {
  if (p.files.empty()) {
    throw UsageError({.what = "which files?", .where = "data.files", .expected = "files = \"runs/*.nc\", say"});
  }
  std::vector<std::string> found;
  for (const auto& pattern : p.files) {
    glob_t matches{};
    if (::glob(pattern.c_str(), GLOB_BRACE | GLOB_TILDE, nullptr, &matches) == 0) {
      for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
        const std::string path = matches.gl_pathv[i];
        if (std::find(found.begin(), found.end(), path) == found.end()) found.push_back(path);
      }
    } else {
      ::globfree(&matches);
      throw FileError({.what = "no file is found", .where = "data.files", .found = pattern, .hint = "check the path"});
    }
    ::globfree(&matches);
  }
  return found;
}

/// "T(time, lev, y, x)".
std::string with_dimensions(const ReadableGroup& file, const std::string& variable) {
  return fmt::format("{}({})", variable, fmt::join(file.dimensions(variable), ", "));
}

std::ptrdiff_t index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  return name.empty() || at == names.end() ? -1 : at - names.begin();
}

[[noreturn]] void refuse_dimension(const ReadableGroup& file, const std::string& variable, const std::string& key,
                                   const std::string& dimension) {
  const auto known = file.dimensions(variable);
  const auto nearest = nearest_name(dimension, known);
  throw UsageError({.what = fmt::format("variable {} has no dimension {}", variable, dimension),
                    .where = file.path(),
                    .found = with_dimensions(file, variable),
                    .expected = fmt::format("{} named as in the file", key),
                    .hint = nearest.empty() ? "" : fmt::format("did you mean {}?", nearest)});
}

/// Which dimension of a variable, if any, is which of ours.
struct Roles {
  std::ptrdiff_t trajectory = -1, time = -1, level = -1;
  std::vector<std::ptrdiff_t> space;
};

/// Throws UsageError for a dimension that is missing, or that is named nowhere and is not of size 1.
Roles find_roles(const ReadableGroup& file, const std::string& variable, const DataParameters& p, bool in_time) {
  const auto names = file.dimensions(variable);
  Roles roles;
  if (in_time) {
    roles.trajectory = index_of(names, p.trajectory);
    roles.time = index_of(names, p.time);
    roles.level = index_of(names, p.level);
    if (roles.time < 0) refuse_dimension(file, variable, "data.time", p.time);
    if (roles.trajectory < 0 && !p.trajectory.empty())
      refuse_dimension(file, variable, "data.trajectory", p.trajectory);
  }
  for (const auto& name : p.space) {
    roles.space.push_back(index_of(names, name));
    if (in_time && roles.space.back() < 0) refuse_dimension(file, variable, "data.space", name);
  }
  const Shape sizes = file.shape(variable);
  for (std::ptrdiff_t i = 0; i < std::ssize(names); ++i) {
    const bool named = i == roles.trajectory || i == roles.time || i == roles.level ||
                       std::find(roles.space.begin(), roles.space.end(), i) != roles.space.end();
    if (named || sizes[i] == 1) continue;
    const bool of_time = !in_time && names[i] == p.time;
    throw UsageError({.what = of_time ? fmt::format("{} changes in time", variable)
                                      : fmt::format("dimension {} of {} is not accounted for", names[i], variable),
                      .where = file.path(),
                      .found = with_dimensions(file, variable),
                      .expected = in_time
                                      ? "each dimension named by data.trajectory, time, level or space, or of size 1"
                                      : fmt::format("dimensions of data.space alone: {}", fmt::join(p.space, ", ")),
                      .hint = of_time ? "make it one of data.variables" : ""});
  }
  return roles;
}

/// Axes of `values` brought into the order `expected` (−1: an axis of size 1); others, of size 1, are dropped.
Tensor in_order(const Tensor& values, const std::vector<std::ptrdiff_t>& expected) {
  std::vector<std::int64_t> order, shape;
  for (const auto axis : expected) {
    shape.push_back(axis < 0 ? 1 : values.size(axis));
    if (axis >= 0) order.push_back(axis);
  }
  for (std::int64_t axis = 0; axis < values.dim(); ++axis) {
    if (std::find(order.begin(), order.end(), axis) == order.end()) order.push_back(axis);
  }
  return values.permute(order).reshape(shape);
}

/// A coordinate variable of a dimension; no values where there is none.
Coordinate read_coordinate_of(const ReadableGroup& file, const std::string& dimension) {
  Coordinate coordinate;
  if (!file.has_variable(dimension) || file.dimensions(dimension) != std::vector{dimension}) return coordinate;
  const Tensor values = read_meant(file, dimension, at::kFloat);
  const Tensor exact = file.read_numbers(dimension).to(at::kDouble);
  const double scale = file.number_of(dimension, "scale_factor").value_or(1);
  const double offset = file.number_of(dimension, "add_offset").value_or(0);
  if (const Tensor bad = values.isnan(); bad.any().item<bool>()) {
    throw FileError({.what = "a coordinate is missing",
                     .where = file.where(dimension),
                     .found = place_of(bad, {dimension}),
                     .expected = "a number for each point"});
  }
  const Tensor meant = (exact * scale + offset).contiguous();
  coordinate.values.assign(meant.data_ptr<double>(), meant.data_ptr<double>() + meant.numel());
  coordinate.units = file.text_of(dimension, "units").value_or("1");
  coordinate.long_name = file.text_of(dimension, "long_name").value_or("");
  coordinate.standard_name = file.text_of(dimension, "standard_name").value_or("");
  return coordinate;
}

/// States that follow each other in time, of some trajectories.
struct Run {
  std::int64_t trajectories = 0;
  std::vector<double> times;        ///< of each state
  std::vector<std::size_t> file;    ///< that each state is from
  std::vector<std::int64_t> place;  ///< of each state within its file
  double rounding = 0;              ///< of times, where they are stored as float32
};

/// What all files must agree on.
struct Common {
  StateLayout layout;     ///< without dt and mask
  bool has_times = true;  ///< a coordinate of time
};

/// "T_500" and "temperature at lev 500 hPa" of a level.
Variable of_level(const Variable& variable, const std::string& dimension, const Coordinate& levels, std::size_t index) {
  const bool known = index < levels.values.size();
  const bool whole = known && levels.values[index] == std::round(levels.values[index]) && levels.values[index] >= 0;
  const auto value = known ? fmt::format("{}", levels.values[index]) : fmt::format("{}", index);
  const auto units = known && levels.units != "1" ? " " + levels.units : std::string();
  Variable one = variable;
  one.name += whole ? "_" + value : fmt::format("_{}", index);
  one.long_name += fmt::format(" at {} {}{}", dimension, value, units);
  return one;
}

/// Splits "days since 2000-01-01" into units and origin; midnight is left out of the origin.
void set_time_units(StateLayout& layout, const std::string& units, const std::string& calendar) {
  const auto since = units.find(" since ");
  layout.time_units = units.empty() ? "1" : units.substr(0, since);
  if (since == std::string::npos) return;
  layout.time_origin = units.substr(since + 7);
  for (const std::string midnight : {" 00:00:00", " 0:0:0", "T00:00:00", " 00:00"}) {
    if (layout.time_origin.ends_with(midnight)) layout.time_origin.erase(layout.time_origin.rfind(midnight));
  }
  layout.calendar = calendar;
}

/// What one file says of its states.
std::pair<Run, Common> read_head(const std::string& path, std::size_t index, const DataParameters& p) {
  const NetcdfReader reader(path);
  const ReadableGroup file = reader.root();
  Run run;
  Common common;
  StateLayout& layout = common.layout;
  layout.space_names = p.space;
  std::int64_t states = 0;
  for (const auto& name : p.variables) {
    const Roles roles = find_roles(file, name, p, /*in_time=*/true);
    const Shape sizes = file.shape(name);
    const auto size = [&](std::ptrdiff_t axis) { return axis < 0 ? 1 : sizes[static_cast<std::size_t>(axis)]; };
    const Variable variable{.name = name,
                            .long_name = file.text_of(name, "long_name").value_or(name),
                            .units = file.text_of(name, "units").value_or("1"),
                            .standard_name = file.text_of(name, "standard_name").value_or("")};
    const Coordinate levels = roles.level < 0 ? Coordinate{} : read_coordinate_of(file, p.level);
    for (std::size_t level = 0; level < static_cast<std::size_t>(size(roles.level)); ++level) {
      layout.variables.push_back(roles.level < 0 ? variable : of_level(variable, p.level, levels, level));
    }
    Shape space;
    for (const auto axis : roles.space) space.push_back(size(axis));
    const bool first = layout.event.empty();
    if (!first && (run.trajectories != size(roles.trajectory) || states != size(roles.time))) {
      throw FileError({.what = "variables have other trajectories or times",
                       .where = path,
                       .found = with_dimensions(file, name),
                       .expected = with_dimensions(file, p.variables.front())});
    }
    run.trajectories = size(roles.trajectory), states = size(roles.time);
    if (first) layout.event = prepend({0}, space);
    layout.event.front() += size(roles.level);
  }
  if (count(layout.event) * run.trajectories * states == 0) {
    throw FileError({.what = "there are no values", .where = file.where(p.variables.front())});
  }

  for (const auto& axis : p.space) layout.coordinates.push_back(read_coordinate_of(file, axis));
  const Coordinate times = read_coordinate_of(file, p.time);
  common.has_times = !times.values.empty();
  run.times = times.values;
  if (common.has_times) {
    set_time_units(layout, file.text_of(p.time, "units").value_or(""), file.text_of(p.time, "calendar").value_or(""));
    const double last = std::max(std::abs(run.times.front()), std::abs(run.times.back()));
    if (file.read_numbers(p.time).scalar_type() == at::kFloat) run.rounding = 1.2e-7 * last;
  } else if (p.step > 0) {
    for (std::int64_t i = 0; i < states; ++i) run.times.push_back(static_cast<double>(i) * p.step);
  } else {
    throw UsageError(
        {.what = "there is no coordinate of time",
         .where = path,
         .expected = fmt::format("a variable {0}({0}), or data.step = the time between two states", p.time)});
  }
  run.file.assign(run.times.size(), index);
  run.place.resize(run.times.size());
  std::iota(run.place.begin(), run.place.end(), 0);
  return {run, common};
}

/// States of one file, (trajectories, states, channel, …space), NaN where they are missing.
Tensor read_states_of(const std::string& path, const DataParameters& p, std::int64_t trajectory,
                      std::int64_t trajectories, std::int64_t first, std::int64_t states) {
  const NetcdfReader reader(path);
  const ReadableGroup file = reader.root();
  std::vector<Tensor> channels;
  for (const auto& name : p.variables) {
    const Roles roles = find_roles(file, name, p, /*in_time=*/true);
    Slab slab{Shape(file.shape(name).size(), 0), file.shape(name)};
    const auto narrow = [&](std::ptrdiff_t axis, std::int64_t from, std::int64_t n) {
      if (axis < 0) return;
      slab.start[static_cast<std::size_t>(axis)] = from, slab.count[static_cast<std::size_t>(axis)] = n;
    };
    narrow(roles.trajectory, trajectory, trajectories);
    narrow(roles.time, first, states);
    std::vector<std::ptrdiff_t> order{roles.trajectory, roles.time, roles.level};
    order.insert(order.end(), roles.space.begin(), roles.space.end());
    channels.push_back(in_order(read_meant(file, name, at::kFloat, slab), order));
  }
  return channels.size() == 1 ? channels.front() : at::cat(channels, 2);
}

bool same_coordinates(const StateLayout& a, const StateLayout& b) {
  return std::equal(a.coordinates.begin(), a.coordinates.end(), b.coordinates.begin(), b.coordinates.end(),
                    [](const auto& p, const auto& q) {
                      return std::equal(
                          p.values.begin(), p.values.end(), q.values.begin(), q.values.end(),
                          [](double x, double y) { return std::abs(x - y) <= 1e-5 * (std::abs(x) + std::abs(y)); });
                    });
}

/// Throws FileError where a file says something else than the first one did.
void require_agreement(const Common& first, const Common& other, const std::string& path,
                       const std::string& first_path) {
  const auto require = [&](bool same, const std::string& what, const std::string& found, const std::string& expected,
                           const std::string& hint) {
    if (same) return;
    throw FileError({.what = what + " differ from those in " + first_path,
                     .where = path,
                     .found = found,
                     .expected = expected,
                     .hint = hint});
  };
  const StateLayout &a = first.layout, &b = other.layout;
  require(a.event == b.event, "the sizes of a state", to_string(b.event), to_string(a.event), "");
  const auto units_of = [](const StateLayout& layout) {
    std::vector<std::string> all;
    for (const auto& variable : layout.variables) all.push_back(fmt::format("{} [{}]", variable.name, variable.units));
    return fmt::format("{}", fmt::join(all, ", "));
  };
  require(units_of(a) == units_of(b), "names or units", units_of(b), units_of(a), "convert them first");
  const auto time_of = [](const StateLayout& l) {
    return l.time_units + (l.time_origin.empty() ? "" : " since " + l.time_origin + " " + l.calendar);
  };
  require(time_of(a) == time_of(b), "the units of time", time_of(b), time_of(a),
          "`cdo setreftime,DATE,TIME,UNITS IN OUT` gives files the same");
  require(same_coordinates(a, b), "the coordinates of space", "other points", "the same grid", "");
}

/// Files that go on in time, put together in the order of their first times.
std::vector<Run> joined_in_time(std::vector<Run> runs, const std::vector<std::string>& paths) {
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.times.front() < b.times.front(); });
  Run all = runs.front();
  for (const auto& run : runs) {
    if (run.trajectories != all.trajectories) {
      throw FileError({.what = "another number of trajectories than in " + paths[all.file.front()],
                       .where = paths[run.file.front()],
                       .found = fmt::format("{}", run.trajectories),
                       .expected = fmt::format("{}, as data.join = \"time\" says that they go on", all.trajectories)});
    }
    all.rounding = std::max(all.rounding, run.rounding);
    if (&run == &runs.front()) continue;
    all.times.insert(all.times.end(), run.times.begin(), run.times.end());
    all.file.insert(all.file.end(), run.file.begin(), run.file.end());
    all.place.insert(all.place.end(), run.place.begin(), run.place.end());
  }
  return {all};
}

/// The middle one of all differences of neighbouring times.
double common_step(const std::vector<Run>& runs, const DataParameters& p) {
  std::vector<double> steps;
  for (const auto& run : runs) {
    for (std::size_t i = 1; i < run.times.size(); ++i) steps.push_back(run.times[i] - run.times[i - 1]);
  }
  if (steps.empty()) {
    throw UsageError({.what = "no trajectory has two states",
                      .where = "data.files",
                      .hint = p.join == "time" ? "" : "where a file holds one state, say data.join = \"time\""});
  }
  std::nth_element(steps.begin(), steps.begin() + std::ssize(steps) / 2, steps.end());
  return steps[steps.size() / 2];
}

/// States that follow each other in equal steps: from `begin` on.
struct Stretch {
  std::size_t run;
  std::int64_t begin, size;
};

std::string between(const Run& run, std::size_t i, const std::vector<std::string>& paths) {
  const auto& before = paths[run.file[i - 1]];
  const auto& after = paths[run.file[i]];
  return before == after ? before : before + " and " + after;
}

/// Where times go on by one step. Throws FileError where they repeat, run backwards or are uneven, and at gaps unless
/// these may be cut.
std::vector<Stretch> find_stretches(const std::vector<Run>& runs, double step, const DataParameters& p,
                                    const std::vector<std::string>& paths) {
  std::vector<Stretch> stretches;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const Run& run = runs[r];
    stretches.push_back({r, 0, 1});
    for (std::size_t i = 1; i < run.times.size(); ++i) {
      const double found = run.times[i] - run.times[i - 1];
      const auto refuse = [&](const std::string& what, const std::string& hint) {
        throw FileError(
            {.what = what,
             .where = between(run, i, paths) + ": " + p.time,
             .found = fmt::format("{:.9g} and then {:.9g}, at {} and {}", run.times[i - 1], run.times[i], i - 1, i),
             .expected = fmt::format("steps of {:.9g}", step),
             .hint = hint});
      };
      if (found == 0)
        refuse("two states have the same time", "keep one: `ncks -d` or `cdo mergetime` with SKIP_SAME_TIME=1");
      if (found < 0)
        refuse("times run backwards", p.join == "time"
                                          ? "files may not overlap; if each is another run, data.join = \"trajectory\""
                                          : "sort them");
      if (std::abs(found - step) <= time_tolerance * step + 2 * run.rounding) {
        ++stretches.back().size;
      } else if (p.gaps == "cut" && found > step) {
        stretches.push_back({r, static_cast<std::int64_t>(i), 1});
      } else {
        refuse(
            "times are not equally spaced",
            found > step ? "interpolate, or let trajectories be cut there: data.gaps = \"cut\"" : "interpolate first");
      }
    }
  }
  return stretches;
}

/// The step as the longest stretch has it, in as many digits as times have. Throws FileError for stretches whose small
/// deviations from it add up.
double exact_step(const std::vector<Run>& runs, const std::vector<Stretch>& stretches, double step,
                  const DataParameters& p, const std::vector<std::string>& paths) {
  const auto duration = [&](const Stretch& s) {
    const auto& times = runs[s.run].times;
    return times[static_cast<std::size_t>(s.begin + s.size - 1)] - times[static_cast<std::size_t>(s.begin)];
  };
  const Stretch& longest = *std::max_element(stretches.begin(), stretches.end(),
                                             [](const auto& a, const auto& b) { return a.size < b.size; });
  if (longest.size > 1) step = duration(longest) / static_cast<double>(longest.size - 1);
  step = std::stod(fmt::format("{:.{}g}", step, runs[longest.run].rounding > 0 ? 6 : 12));
  for (const auto& stretch : stretches) {
    const double drift = duration(stretch) - step * static_cast<double>(stretch.size - 1);
    if (std::abs(drift) <= 0.1 * step + 2 * runs[stretch.run].rounding) continue;
    throw FileError({.what = "times are not equally spaced: small deviations add up",
                     .where = paths[runs[stretch.run].file[static_cast<std::size_t>(stretch.begin)]] + ": " + p.time,
                     .found = fmt::format("{:.9g} over {} states", drift, stretch.size),
                     .expected = fmt::format("steps of {:.9g}", step)});
  }
  return step;
}

/// A piece of one trajectory.
struct Piece {
  std::size_t run;
  std::int64_t trajectory, begin;
};

struct Pieces {
  std::vector<Piece> pieces;
  std::int64_t length = 0, left_over = 0;
};

Pieces cut(const std::vector<Run>& runs, std::vector<Stretch> stretches, const DataParameters& p,
           const std::vector<std::string>& paths) {
  for (auto& stretch : stretches) {
    const std::int64_t left_out = std::clamp<std::int64_t>(p.skip - stretch.begin, 0, stretch.size);
    stretch.begin += left_out;
    stretch.size -= left_out;
  }
  std::erase_if(stretches, [](const Stretch& stretch) { return stretch.size == 0; });
  Pieces cut;
  const auto longest = std::max_element(stretches.begin(), stretches.end(),
                                        [](const auto& a, const auto& b) { return a.size < b.size; });
  const auto shortest = std::min_element(stretches.begin(), stretches.end(),
                                         [](const auto& a, const auto& b) { return a.size < b.size; });
  if (stretches.empty() || longest->size < p.length) {
    throw UsageError(
        {.what = "no trajectory is long enough",
         .where = "data.length",
         .found = fmt::format("{} states after data.skip = {}", stretches.empty() ? 0 : longest->size, p.skip),
         .expected = fmt::format("at least {}", std::max<std::int64_t>(p.length, 1))});
  }
  if (p.length == 0 && shortest->size != longest->size) {
    const auto path = [&](const auto& at) { return paths[runs[at->run].file[static_cast<std::size_t>(at->begin)]]; };
    throw UsageError({.what = "trajectories are of different lengths",
                      .where = "data.length",
                      .found = fmt::format("{} states in {}, {} in {}", longest->size, path(longest), shortest->size,
                                           path(shortest)),
                      .hint = fmt::format("data.length = {} cuts all to one length", shortest->size)});
  }
  cut.length = p.length > 0 ? p.length : longest->size;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    for (std::int64_t trajectory = 0; trajectory < runs[r].trajectories; ++trajectory) {
      for (const auto& stretch : stretches) {
        if (stretch.run != r) continue;
        const std::int64_t whole = stretch.size / cut.length;
        for (std::int64_t i = 0; i < whole; ++i) cut.pieces.push_back({r, trajectory, stretch.begin + i * cut.length});
        cut.left_over += stretch.size - whole * cut.length;
      }
    }
  }
  return cut;
}

/// Equal distances between the points of every axis; none if one axis has others.
std::vector<double> spacing_of(const std::vector<Coordinate>& axes) {
  std::vector<double> all;
  for (const auto& axis : axes) {
    if (axis.values.size() < 2) return {};
    const auto points = static_cast<double>(axis.values.size() - 1);
    const double spacing = (axis.values.back() - axis.values.front()) / points;
    for (std::size_t i = 1; i < axis.values.size(); ++i) {
      if (!(std::abs(axis.values[i] - axis.values[i - 1] - spacing) <= 1e-3 * std::abs(spacing))) return {};
    }
    if (spacing == 0) return {};
    all.push_back(std::abs(spacing));
  }
  return all;
}

void set_space(StateLayout& layout) {
  layout.spacing = spacing_of(layout.coordinates);
  std::set<std::string> units;
  for (const auto& axis : layout.coordinates) units.insert(axis.units);
  if (units.size() == 1) layout.space_units = *units.begin();
  const bool none = std::all_of(layout.coordinates.begin(), layout.coordinates.end(),
                                [](const auto& axis) { return axis.values.empty(); });
  if (none) layout.coordinates.clear();
}

/// Fields of the context, each of mean 0 and deviation 1 over space.
Tensor read_context_fields(const DataParameters& p, const std::string& first_path, const StateLayout& layout) {
  std::vector<Tensor> fields;
  for (const auto& entry : p.context) {
    const auto colon = entry.rfind(':');
    const std::string path = colon == std::string::npos ? first_path : entry.substr(0, colon);
    const std::string name = colon == std::string::npos ? entry : entry.substr(colon + 1);
    if (p.space.empty()) {
      throw UsageError({.what = "context fields are of states in space",
                        .where = "data.context",
                        .found = entry,
                        .expected = "data.space"});
    }
    const NetcdfReader reader(path);
    const ReadableGroup file = reader.root();
    const Roles roles = find_roles(file, name, p, /*in_time=*/false);
    const Tensor read = in_order(read_meant(file, name, at::kFloat), roles.space);
    if (read.isnan().any().item<bool>()) {
      throw FileError({.what = "values of a context field are missing",
                       .where = file.where(name),
                       .found = place_of(read.isnan(), p.space),
                       .hint = "fill them first"});
    }
    const Shape space = layout.space();
    for (std::int64_t axis = 0; axis < read.dim(); ++axis) {
      if (read.size(axis) == 1 || read.size(axis) == space[static_cast<std::size_t>(axis)]) continue;
      throw FileError({.what = "a context field is of another size than the states",
                       .where = file.where(name),
                       .found = to_string(read.sizes()),
                       .expected = to_string(space)});
    }
    const Tensor field = read.to(at::kDouble).expand(space);
    const Tensor deviation = field.std(/*unbiased=*/false);
    if (!(deviation.item<double>() > 0)) {
      throw FileError({.what = "a context field has the same value everywhere",
                       .where = file.where(name),
                       .hint = "leave it out: it says nothing"});
    }
    fields.push_back(((field - field.mean()) / deviation).to(at::kFloat));
  }
  return fields.empty() ? Tensor() : at::stack(fields).contiguous();
}

void require_distinct(const DataParameters& p) {
  if (p.variables.empty()) {
    throw UsageError(
        {.what = "which variables make a state?", .where = "data.variables", .expected = "variables = [\"u\"], say"});
  }
  std::set<std::string> seen;
  const auto require_new = [&](const std::string& key, const std::string& name) {
    if (name.empty() || seen.insert(name).second) return;
    throw UsageError({.what = "a name is given twice", .where = "data." + key, .found = name});
  };
  for (const auto& name : p.variables) require_new("variables", name);
  seen.clear();
  require_new("trajectory", p.trajectory);
  require_new("time", p.time);
  require_new("level", p.level);
  for (const auto& name : p.space) require_new("space", name);
}

/// Pieces that lie in one block of one file: so many trajectories and states of it.
struct Block {
  std::size_t first, pieces;
  std::int64_t trajectory, trajectories, begin, states;
};

/// Bytes of states that are read at once.
constexpr std::int64_t block_bytes = std::int64_t{1} << 26;

}  // namespace

void ChannelStatistics::add(const Tensor& states) {
  const Tensor values = states.transpose(0, 2).flatten(1).to(at::kDouble);
  const Tensor there = values.isnan().logical_not(), added = there.sum(1).to(at::kDouble);
  const Tensor mean = values.nansum(1) / added.clamp_min(1);
  const Tensor squares = (values - mean.unsqueeze(1)).square().nansum(1);
  if (!count_.defined()) {
    count_ = added, mean_ = mean, squares_ = squares;
    return;
  }
  // Chan, Golub & LeVeque (1979): two sets become one.
  const Tensor all = count_ + added, share = added / all.clamp_min(1), apart = mean - mean_;
  mean_ = mean_ + apart * share;
  squares_ = squares_ + squares + apart.square() * count_ * share;
  count_ = all;
}

Normalisation ChannelStatistics::result(const StateLayout& layout) const {
  Shape shape(layout.event.size(), 1);
  shape.front() = layout.event.front();
  const Tensor deviation = (squares_ / count_.clamp_min(1)).sqrt();
  for (std::int64_t i = 0; i < shape.front(); ++i) {
    const std::string& name = layout.variables[static_cast<std::size_t>(i)].name;
    if (count_[i].item<double>() == 0) throw ValueError({.what = "a variable has no values anywhere", .where = name});
    const double mean = mean_[i].item<double>(), std = deviation[i].item<double>();
    if (!(std > 1e-6 * std::abs(mean)) || !(std > 0)) {
      throw ValueError({.what = "a variable has the same value everywhere, so there is nothing to learn of it",
                        .where = name,
                        .found = fmt::format("{:.6g}", mean),
                        .hint = "leave it out of data.variables"});
    }
  }
  return {mean_.reshape(shape), deviation.reshape(shape)};
}

/// The files, and where in them each trajectory is.
struct UserData::Source {
  DataParameters p;
  std::vector<std::string> paths;
  std::vector<Run> runs;
  std::vector<Piece> pieces;
  std::int64_t length = 0;

  /// The file that a piece begins in, and how many of its states from `state` on follow each other there.
  std::int64_t states_in_file(const Piece& piece, std::int64_t state) const {
    const Run& run = runs[piece.run];
    const auto at = static_cast<std::size_t>(piece.begin + state);
    std::int64_t n = 1;
    for (; state + n < length && run.file[at + static_cast<std::size_t>(n)] == run.file[at]; ++n) {
    }
    return n;
  }

  /// Pieces from `first` on, at most `most`, that cover a block of one file and hardly more; none where a piece lies in
  /// several files.
  std::optional<Block> block_from(std::size_t first, std::size_t max) const {
    const Piece& head = pieces[first];
    if (states_in_file(head, 0) < length) return std::nullopt;
    std::int64_t trajectory_end = 0, begin = head.begin, end = 0;
    std::optional<Block> best;
    for (std::size_t i = first; i < std::min(pieces.size(), first + max); ++i) {
      const Piece& piece = pieces[i];
      const Run& run = runs[piece.run];
      if (piece.run != head.run || states_in_file(piece, 0) < length ||
          run.file[static_cast<std::size_t>(piece.begin)] != run.file[static_cast<std::size_t>(head.begin)])
        break;
      trajectory_end = piece.trajectory + 1;
      begin = std::min(begin, piece.begin), end = std::max(end, piece.begin + length);
      const auto n = static_cast<std::int64_t>(i - first + 1);
      const std::int64_t covered = (trajectory_end - head.trajectory) * (end - begin);
      if (2 * n * length >= covered) {
        best = Block{first, i - first + 1, head.trajectory, trajectory_end - head.trajectory, begin, end - begin};
      }
    }
    return best;
  }

  /// (n, time, channel, …space) of pieces from `first` on, NaN where values are missing.
  Tensor read(std::size_t first, std::size_t n, const Shape& event) const {
    Tensor states = at::empty(prepend({static_cast<std::int64_t>(n), length}, event), at::kFloat);
    for (std::size_t i = first; i < first + n;) {
      const Run& run = runs[pieces[i].run];
      const auto to = [&](std::size_t piece) { return states.select(0, static_cast<std::int64_t>(piece - first)); };
      if (const auto block = block_from(i, first + n - i)) {
        const auto at = static_cast<std::size_t>(block->begin);
        const Tensor read = read_states_of(paths[run.file[at]], p, block->trajectory, block->trajectories,
                                           run.place[at], block->states);
        for (const std::size_t end = i + block->pieces; i < end; ++i) {
          to(i).copy_(read.select(0, pieces[i].trajectory - block->trajectory)
                          .narrow(0, pieces[i].begin - block->begin, length));
        }
        continue;
      }
      for (std::int64_t state = 0, follow = 0; state < length; state += follow) {
        const auto at = static_cast<std::size_t>(pieces[i].begin + state);
        follow = states_in_file(pieces[i], state);
        to(i)
            .narrow(0, state, follow)
            .copy_(read_states_of(paths[run.file[at]], p, pieces[i].trajectory, 1, run.place[at], follow)[0]);
      }
      ++i;
    }
    return states;
  }

  /// What is missing in the first state of a piece; refuses what is missing in others and not in that one, or the other
  /// way round.
  Tensor missing_always(const Tensor& states, const Piece& piece, const StateLayout& layout) const {
    const Tensor gone = states.isnan();
    Tensor always = gone[0];
    const Tensor sometimes = gone.logical_xor(always.unsqueeze(0));
    if (!sometimes.any().item<bool>()) return always;
    const auto [channel, place] = one_channel(sometimes.transpose(0, 1), layout);
    std::vector<std::string> axes{p.time};
    axes.insert(axes.end(), layout.space_names.begin(), layout.space_names.end());
    Shape start(axes.size(), 0);
    const Run& run = runs[piece.run];
    start.front() = run.place[static_cast<std::size_t>(piece.begin)];
    const std::string of = p.trajectory.empty() ? "" : fmt::format(", {} {}", p.trajectory, piece.trajectory);
    throw FileError({.what = "values are missing in some states and not in others",
                     .where = paths[run.file[static_cast<std::size_t>(piece.begin)]] + ": " + channel + of,
                     .found = place_of(place, axes, start),
                     .expected = "values in all states, or in none",
                     .hint = "fill them first (`cdo setmisstonn`), or leave these times out"});
  }

  /// The first channel of (channel, …) of which anything is true: its variable, and what is.
  static std::pair<std::string, Tensor> one_channel(const Tensor& bad, const StateLayout& layout) {
    const auto channel = bad.flatten(1).any(1).nonzero()[0][0].item<std::int64_t>();
    return {layout.variables[static_cast<std::size_t>(channel)].name, bad[channel]};
  }

  [[noreturn]] void refuse_missing(const std::string& what, const Tensor& bad, const StateLayout& layout,
                                   const std::string& hint) const {
    std::vector<std::string> axes{"variable"};
    axes.insert(axes.end(), layout.space_names.begin(), layout.space_names.end());
    const auto all = paths.size() == 1 ? paths.front() : fmt::format("{} … {}", paths.front(), paths.back());
    throw FileError({.what = what,
                     .where = all + ": " + one_channel(bad.reshape({layout.event.front(), -1}), layout).first,
                     .found = place_of(bad, axes),
                     .hint = hint});
  }
};

UserData::UserData(const DataParameters& p) : source_(std::make_unique<Source>()) {
  require_distinct(p);
  source_->p = p;
  source_->paths = find_files(p);
  const auto& paths = source_->paths;
  auto& runs = source_->runs;
  std::optional<Common> common;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    auto [run, other] = read_head(paths[i], i, p);
    if (!common) common = other;
    require_agreement(*common, other, paths[i], paths.front());
    runs.push_back(std::move(run));
  }
  if (p.join == "time" && !common->has_times) {
    throw UsageError({.what = "files without a coordinate of time cannot be put in order",
                      .where = "data.join",
                      .found = "time",
                      .expected = fmt::format("a variable {0}({0}) in each file", p.time)});
  }
  if (p.join == "time") runs = joined_in_time(std::move(runs), paths);

  const double middle = common_step(runs, p);
  const auto stretches = find_stretches(runs, middle, p, paths);
  const double step = exact_step(runs, stretches, middle, p, paths);
  if (common->has_times && p.step > 0 && std::abs(p.step - step) > time_tolerance * step) {
    throw UsageError({.what = "states are another time apart",
                      .where = "data.step",
                      .found = fmt::format("{}", p.step),
                      .expected = fmt::format("{:.9g}, as {} in {} says, or no step", step, p.time, paths.front())});
  }
  Pieces cut_up = cut(runs, stretches, p, paths);
  source_->pieces = std::move(cut_up.pieces);
  source_->length = length_ = cut_up.length;
  left_over_ = cut_up.left_over;
  for (const auto& [run, trajectory, begin] : source_->pieces)
    start_times_.push_back(runs[run].times[static_cast<std::size_t>(begin)]);
  layout_ = common->layout;
  layout_.dt = step;
  set_space(layout_);
  context_ = read_context_fields(p, paths.front(), layout_);
  layout_.check();
}

UserData::~UserData() = default;

std::size_t UserData::files() const {
  return source_->paths.size();
}

Normalisation UserData::survey(std::int64_t trajectories) {
  const std::int64_t bytes = length_ * count(layout_.event) * 4,
                     at_once = std::max<std::int64_t>(1, block_bytes / bytes);
  ChannelStatistics first, all;
  Tensor gone;
  for (std::int64_t begin = 0; begin < size(); begin += at_once) {
    const std::int64_t n = std::min(at_once, size() - begin);
    const Tensor states = source_->read(static_cast<std::size_t>(begin), static_cast<std::size_t>(n), layout_.event);
    for (std::int64_t i = 0; i < n; ++i) {
      const Piece& piece = source_->pieces[static_cast<std::size_t>(begin + i)];
      const Tensor always = source_->missing_always(states[i], piece, layout_);
      if (!gone.defined()) gone = always;
      if (!at::equal(gone, always)) {
        source_->refuse_missing("values are missing in some files and not in others", gone.logical_xor(always), layout_,
                                "fill them first, or leave these files out");
      }
      all.add(states.narrow(0, i, 1));
      if (begin + i < trajectories) first.add(states.narrow(0, i, 1));
    }
    release_freed_memory();
  }
  if (gone.any().item<bool>()) {
    if (source_->p.missing != "mask") {
      source_->refuse_missing("values are missing in all states", gone, layout_,
                              "if that is land or the like, say data.missing = \"mask\"");
    }
    layout_.mask = gone.logical_not();
    filling_ = all.result(layout_).mean.to(at::kFloat);
  }
  return first.result(layout_);
}

Tensor UserData::read(std::int64_t begin, std::int64_t n) const {
  const Tensor states = source_->read(static_cast<std::size_t>(begin), static_cast<std::size_t>(n), layout_.event);
  return layout_.mask.defined() ? at::where(layout_.mask, states, filling_) : states;
}

}  // namespace sda
