/// States in the order of time, cut into trajectories of one length.
#include "data/import/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sda/core/error.hpp"

namespace sda::io {
namespace {

std::string files_around(const Run& run, std::size_t i, const std::vector<std::string>& paths) {
  const auto& before = paths[run.file[i - 1]];
  const auto& after = paths[run.file[i]];
  return before == after ? before : before + " and " + after;
}

}  // namespace

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

double common_step(const std::vector<Run>& runs, const DataParameters& p) {
  std::vector<double> steps;
  for (const auto& run : runs) {
    for (std::size_t i = 1; i < run.times.size(); ++i) steps.push_back(run.times[i] - run.times[i - 1]);
  }
  if (steps.empty()) {
    throw UsageError(
        {.what = "no trajectory has two states",
         .where = "data.files",
         .hint = p.join == FileJoin::time ? "" : "where a file holds one state, say data.join = \"time\""});
  }
  std::nth_element(steps.begin(), steps.begin() + std::ssize(steps) / 2, steps.end());
  return steps[steps.size() / 2];
}

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
             .where = files_around(run, i, paths) + ": " + p.time,
             .found = fmt::format("{:.9g} and then {:.9g}, at {} and {}", run.times[i - 1], run.times[i], i - 1, i),
             .expected = fmt::format("steps of {:.9g}", step),
             .hint = hint});
      };
      if (found == 0)
        refuse("two states have the same time",
               run.rounding > step / 4
                   ? "times are stored as float32, which cannot tell them apart: store them as float64, or since a "
                     "later date"
                   : "keep one: `ncks -d` or `cdo mergetime` with SKIP_SAME_TIME=1");
      if (found < 0)
        refuse("times run backwards", p.join == FileJoin::time
                                          ? "files may not overlap; if each is another run, data.join = \"trajectory\""
                                          : "sort them");
      if (std::abs(found - step) <= time_tolerance * step + 2 * run.rounding) {
        ++stretches.back().size;
      } else if (p.gaps == GapRule::cut && found > step) {
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

}  // namespace sda::io
