/// Calibration as a library call: what it computes, what it finds again, and that it can tell right from wrong.
#include "sda/study/calibrate.hpp"

#include <gtest/gtest.h>

#include <map>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/systems.hpp"

namespace sda {
namespace {

struct InMemory final : CalibrationRecord {
  TrajectoryCalibration row(std::int64_t trajectory, const std::function<TrajectoryCalibration()>& compute) override {
    if (!rows.contains(trajectory)) {
      ++computed;
      rows[trajectory] = compute();
    }
    return rows[trajectory];
  }
  void keep(const std::string& kind, std::int64_t trajectory, const Ensemble& members) override {
    ensembles[{kind, trajectory}] = members;
  }
  std::optional<Ensemble> kept(const std::string& kind, std::int64_t trajectory) const override {
    const auto found = ensembles.find({kind, trajectory});
    return found == ensembles.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::int64_t, TrajectoryCalibration> rows;
  std::map<std::pair<std::string, std::int64_t>, Ensemble> ensembles;
  int computed = 0;
};

/// Draws of the Kalman smoother's own posterior: calibrated by construction.
std::unique_ptr<CalibrationSubject> smoother() {
  const auto dynamics = make_dynamics({.system = "rotation"});
  return exact_subject(dynamic_cast<const LinearGaussianChain&>(*dynamics), NoiseSchedule(), std::nullopt, {});
}

CalibrationObservation third() {
  return {"third", {{.name = "", .chain = {{"every", {3}}, {"select", {0}}}, .noise = Noise({0.1})}}, 10};
}

TEST(Calibrate, FindsWhatIsRightRight) {
  InMemory record;
  const auto found = calibrate(*smoother(), third(), {.trajectories = 60, .members = 32}, 1, record);
  EXPECT_LT(std::abs(found.coverage50.value - 0.5), 3 * found.coverage50.standard_error);
  EXPECT_LT(std::abs(found.coverage90.value - 0.9), 3 * found.coverage90.standard_error);
  EXPECT_NEAR(found.spread_over_error, 1, 0.15);
  EXPECT_GT(found.ranks.p_value, 0.01);
  ASSERT_TRUE(found.area.has_value());
  EXPECT_LT(std::abs(found.area->value - 0.5), 3 * found.area->standard_error);
}

TEST(Calibrate, FindsAWrongNoiseWrong) {
  InMemory record;
  const auto found =
      calibrate(*smoother(), third(), {.trajectories = 60, .members = 32, .believed_noise = 5}, 1, record);
  EXPECT_GT(found.coverage50.value - 0.5, 3 * found.coverage50.standard_error);  // too wide
  EXPECT_GT(found.spread_over_error, 1.1);
}

TEST(Calibrate, GoesOnWithWhatIsKept) {
  InMemory record;
  const CalibrationParameters few{.trajectories = 4, .members = 8, .reference = false},
      more{.trajectories = 12, .members = 8, .reference = false};
  EXPECT_FALSE(calibrate(*smoother(), third(), few, 1, record).area.has_value());
  EXPECT_EQ(record.computed, 4);
  const auto resumed = calibrate(*smoother(), third(), more, 1, record);
  EXPECT_EQ(record.computed, 12);
  InMemory another;
  const auto whole = calibrate(*smoother(), third(), more, 1, another);
  EXPECT_EQ(resumed.coverage50.value, whole.coverage50.value);
  EXPECT_EQ(resumed.ranks.p_value, whole.ranks.p_value);
}

}  // namespace
}  // namespace sda
