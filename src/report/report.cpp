/// The report of an experiment: one page, and a picture for each case.
#include "sda/report/report.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "report/files.hpp"
#include "report/page.hpp"
#include "report/picture.hpp"
#include "report/statistics/case_statistics.hpp"
#include "sda/core/error.hpp"
#include "sda/data/formats/atomic_file.hpp"
#include "sda/evaluation/field_scores.hpp"

namespace sda {
namespace {

/// Members drawn and states skipped, so that all curves of the page stay within `points` points (of about 10 bytes),
/// and pixels of each case's pictures (of about a byte).
struct Thinning {
  std::int64_t lines, stride, pixels;
};

Thinning thinning(const std::vector<ReportCase>& cases) {
  constexpr std::int64_t points = 120'000, min_lines = 8, other_series = 20;
  std::int64_t states = 1;  // of all panels
  for (const auto& c : cases) {
    states += c.observations.length * (1 + std::min(count(c.observations.layout.event), report::max_panels));
  }
  const auto lines = std::clamp(points / states - other_series, min_lines, report::max_lines);
  return {.lines = lines,
          .stride = std::max<std::int64_t>(1, (states * (lines + other_series) + points - 1) / points),
          .pixels = report::max_pixels / std::max<std::int64_t>(1, std::ssize(cases))};
}

}  // namespace

void write_report(const std::string& directory, const std::string& title, const std::vector<ReportCase>& cases,
                  const std::string& table, const Provenance& provenance) {
  std::set<std::string> stems;
  for (const auto& c : cases) {
    if (!stems.insert(report::file_stem(c.name)).second) {
      throw UsageError({.what = "two cases of the report have the same file name",
                        .where = directory,
                        .found = report::file_stem(c.name),
                        .hint = "name them differently"});
    }
  }
  const auto [lines, stride, pixels] = thinning(cases);
  std::vector<report::CaseStatistics> statistics;
  for (const auto& c : cases) statistics.push_back(report::statistics_of(c, lines, stride, pixels));
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw FileError({.what = "the folder cannot be made", .where = directory, .found = error.message()});
  const auto path = (std::filesystem::path(directory) / "report.html").string();
  write_file(path, report::page(title, statistics, table, provenance));

  for (const auto& c : cases) {
    const auto stem = (std::filesystem::path(directory) / report::file_stem(c.name)).string();
    write_png(stem + ".png", c, provenance);
    if (has_fields(c.observations.layout)) write_gif(stem + ".gif", c);
  }
}

void write_png(const std::string& path, const ReportCase& report_case, const Provenance& provenance) {
  report::draw_picture(report::statistics_of(report_case), provenance, path);
}

void write_gif(const std::string& path, const ReportCase& report_case) {
  if (!has_fields(report_case.observations.layout)) {
    throw UnsupportedError({.what = "only states on a plane are drawn one after another",
                            .where = path,
                            .found = "an event " + to_string(report_case.observations.layout.event),
                            .expected = "two axes of space"});
  }
  report::draw_animation(report::statistics_of(report_case), path);
}

}  // namespace sda
