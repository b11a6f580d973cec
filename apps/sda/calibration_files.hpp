/// What `sda calibrate` keeps of trajectories that are done.
#pragma once

#include <fmt/format.h>

#include "sda/study/calibrate.hpp"
#include "study.hpp"

namespace sda::app {

/// Rows in OUTPUT/calibration.csv, and members for the classifier in OUTPUT/members, each a file of the ordinary kind.
class CalibrationFiles final : public CalibrationRecord {
 public:
  CalibrationFiles(StudyTable& table, const std::string& output, std::string recipe, Provenance provenance)
      : table_(table),
        folder_(std::filesystem::path(output) / "members"),
        recipe_(std::move(recipe)),
        provenance_(std::move(provenance)) {
    std::filesystem::create_directories(folder_);
  }
  static TableRow columns() {
    TableRow names{"coverage_50", "coverage_90", "rmse", "spread"};
    for (std::int64_t b = 1; b <= calibration_bins; ++b) names.push_back(fmt::format("ranks_{}", b));
    return names;
  }
  TrajectoryCalibration row(std::int64_t trajectory, const std::function<TrajectoryCalibration()>& compute) override {
    const auto numbers = table_.row({fmt::format("{}", trajectory)}, [&] {
      const auto found = compute();
      return followed_by({found.coverage50, found.coverage90, found.rmse, found.spread}, found.rank_shares);
    });
    return {numbers[0], numbers[1], numbers[2], numbers[3], {numbers.begin() + 4, numbers.end()}};
  }
  void keep(const std::string& kind, std::int64_t trajectory, const Ensemble& members) override {
    write_ensemble(path(kind, trajectory), members, {}, provenance_);
  }
  std::optional<Ensemble> kept(const std::string& kind, std::int64_t trajectory) const override {
    if (!std::filesystem::exists(path(kind, trajectory))) return std::nullopt;
    return read_ensemble(path(kind, trajectory)).ensemble;
  }
  PosteriorSaving saving() const override { return {table_.checkpoint(), recipe_, provenance_}; }

 private:
  std::string path(const std::string& kind, std::int64_t trajectory) const {
    return (folder_ / fmt::format("{:04}_{}.nc", trajectory, kind)).string();
  }

  StudyTable& table_;
  std::filesystem::path folder_;
  std::string recipe_;
  Provenance provenance_;
};

}  // namespace sda::app
