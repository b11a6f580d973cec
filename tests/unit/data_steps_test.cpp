/// The steps of import and of observations in, each alone: values in, values out, worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <array>
#include <limits>

#include "core/torch.hpp"
#include "data/formats/numbers.hpp"
#include "data/import/timeline.hpp"
#include "data/observations/places.hpp"
#include "data/observations/screen.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda::test {
namespace {

using namespace io;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// States of one file at these times.
Run run_of(std::vector<double> times, std::size_t file = 0, std::int64_t trajectories = 1) {
  Run run;
  run.trajectories = trajectories;
  run.times = times;
  for (std::size_t i = 0; i < times.size(); ++i) {
    run.file.push_back(file);
    run.place.push_back(static_cast<std::int64_t>(i));
  }
  return run;
}
const std::vector<std::string> paths{"a.nc", "b.nc"};

TEST(Timeline, FilesThatGoOnInTimeAreOneRun) {
  const auto joined = joined_in_time({run_of({3, 4}, 1), run_of({0, 1, 2}, 0)}, paths);
  ASSERT_EQ(joined.size(), 1U);
  EXPECT_THAT(joined[0].times, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(joined[0].file, ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(joined[0].place, ElementsAre(0, 1, 2, 0, 1));
  EXPECT_THROW(joined_in_time({run_of({0}, 0, 2), run_of({1}, 1, 3)}, paths), FileError);
}

TEST(Timeline, TheCommonStepIsTheMiddleOne) {
  EXPECT_EQ(common_step({run_of({0, 1, 2, 7, 8})}, {}), 1);
  EXPECT_THROW(common_step({run_of({0}), run_of({1})}, {}), UsageError);
}

TEST(Timeline, StretchesEndAtGaps) {
  DataParameters p{.gaps = GapRule::cut};
  const std::vector<io::Run> runs{run_of({0, 1, 2, 7, 8})};
  const auto stretches = find_stretches(runs, 1, p, paths);
  ASSERT_EQ(stretches.size(), 2U);
  EXPECT_EQ(stretches[0].size, 3);
  EXPECT_EQ(stretches[1].begin, 3);
  EXPECT_EQ(exact_step(runs, stretches, 1, p, paths), 1);
  p.gaps = GapRule::refuse;
  EXPECT_THROW(find_stretches(runs, 1, p, paths), FileError);
}

TEST(Timeline, CutsIntoPiecesOfOneLength) {
  const std::vector<io::Run> runs{run_of({0, 1, 2, 3, 4, 5, 6}, 0, 2)};
  const auto stretches = find_stretches(runs, 1, {}, paths);
  const auto pieces = cut(runs, stretches, {.skip = 1, .length = 4}, paths);
  EXPECT_EQ(pieces.length, 4);
  EXPECT_EQ(pieces.left_over, 4);  // two of each trajectory
  ASSERT_EQ(pieces.pieces.size(), 2U);
  EXPECT_EQ(pieces.pieces[1].trajectory, 1);
  EXPECT_EQ(pieces.pieces[1].begin, 1);
  EXPECT_THROW(cut(runs, stretches, {.length = 8}, paths), UsageError);
}

StateLayout line() {
  return {.event = {1, 4},
          .variables = {{"u", "u", "m"}},
          .space_names = {"lon"},
          .dt = 2,
          .coordinates = {{{0, 90, 180, 270}, "degrees_east"}}};
}

TEST(Places, InPointsFromTheFirst) {
  const Places places(line(), /*on_globe=*/false);
  const auto place_of = [](const Places& all, double coordinate) {
    Places::Found found;
    all.find({coordinate}, false, found);
    return found[0];
  };
  EXPECT_EQ(place_of(places, 45), 0.5);
  EXPECT_EQ(place_of(places, 270 + 1e-9), 3);
  EXPECT_EQ(place_of(places, -90), 3);  // after a turn
  EXPECT_EQ(place_of(places, 315), 3.5);
  Places::Found found;
  places.find({340}, /*nearest=*/true, found);
  EXPECT_EQ(found[0], 0);  // the first point is the next
  auto layout = line();
  layout.coordinates[0] = {{30, 10, 0}, "km"};
  layout.event = {1, 3};
  const Places descending(layout, /*on_globe=*/false);
  EXPECT_EQ(place_of(descending, 5), 1.5);
  EXPECT_EQ(place_of(descending, 41), std::nullopt);  // half a cell beyond 30 is 40
  EXPECT_EQ(descending.domain(0), "lon from -5 to 40 km");
}

TEST(Places, AMaskHidesWhatDependsOnIt) {
  auto layout = line();
  EXPECT_FALSE(Mask(layout).hides(0, {1.5}));
  layout.mask = at::tensor({1, 1, 0, 1}).to(at::kBool).view({1, 4});
  const Mask mask(layout);
  EXPECT_FALSE(mask.hides(0, {1}));
  EXPECT_TRUE(mask.hides(0, {1.25}));
  EXPECT_TRUE(mask.hides(-1, {2}));
  EXPECT_FALSE(mask.hides(0, {3.5}));  // between the last point and the first
}

/// Rows of time, longitude and value.
ObservationTable table_of(const std::vector<std::array<double, 3>>& rows) {
  ObservationTable table;
  table.path = "t.csv";
  table.place.resize(1);
  table.place_in_file = [](std::int64_t line, std::size_t, const std::string& column) {
    return column + " of line " + std::to_string(line);
  };
  for (const auto& [time, lon, value] : rows) {
    table.append_empty(std::ssize(table.value) + 2, false);
    table.time.back() = time, table.place[0].back() = lon, table.value.back() = value, table.error.back() = 1;
  }
  return table;
}

class Screening : public testing::Test {
 protected:
  StateLayout layout = line();
  ObservationFileParameters parameters;
  std::vector<Observable> observables{{"u"}};
  ExpectedObservations expected{layout, parameters, observables};
  ScreenedObservations some;
};

TEST_F(Screening, RejectsWhatIsFlaggedMissingOrNowhere) {
  auto table = table_of({{0, 0, 1}, {0, 0, nan}, {nan, 0, 1}, {0, nan, 1}, {0, 0, 1}});
  table.flagged[4] = true;
  reject_flagged_and_missing(some, table);
  EXPECT_THAT(some.rows, ElementsAre(0));
  EXPECT_EQ(some.count(Rejection::missing), 1);
  EXPECT_EQ(some.count(Rejection::nowhere), 2);
  EXPECT_EQ(some.count(Rejection::flagged), 1);
  EXPECT_THAT(some.rejected[static_cast<std::size_t>(Rejection::flagged)].first, ElementsAre(6));
}

TEST_F(Screening, BackgroundCheckKnowsTheSpreadOverSpace) {
  // Means −100 and 100, deviation 1 at each point: over space the deviation is 100.
  const Normalisation of_points{at::tensor({-100., 100., -100., 100.}).view({1, 4}), at::ones({1, 4}, at::kDouble)};
  const auto table = table_of({{0, 0, 900}, {0, 0, 1100}});
  some.rows = {0, 1}, some.places = {0, 2.5}, some.states = {0, 3};
  reject_far_from_background(some, table, expected, of_points);
  EXPECT_THAT(some.rows, ElementsAre(0));
  EXPECT_THAT(some.places, ElementsAre(0));
  EXPECT_THAT(some.states, ElementsAre(0));
  EXPECT_EQ(some.count(Rejection::background), 1);
}

TEST_F(Screening, TellsTheFirstTwoOfOnePlaceAndTime) {
  const auto refusal = [&](const std::vector<std::array<double, 3>>& rows, const StateLayout& of) {
    const auto table = table_of(rows);
    some = {};
    for (std::size_t row = 0; row < rows.size(); ++row) some.rows.push_back(row);
    try {
      require_distinct(some, table, of);
    } catch (const FileError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal({{0, 90, 1}, {0, 180, 1}, {1, 90, 1}}, layout), "accepted");
  EXPECT_THAT(refusal({{0, 90, 1}, {1, 90, 1}, {0, 90, 2}, {1, 90, 2}}, layout),
              testing::StartsWith("time of line 4: two observations of one variable at the same time and place: found "
                                  "0, as in line 2"));
  // Longitudes are the same after a turn, and so are their last digits.
  for (const auto& [a, b] : {std::pair{345.0, -15.0}, {344.9, -15.1}, {-180.0, 180.0}, {0.0, 360.0}, {-0.0, 0.0}}) {
    EXPECT_THAT(refusal({{0, a, 1}, {0, b, 2}}, layout), testing::StartsWith("time of line 3")) << a << " " << b;
  }
  // What says the same of a place in two ways is no contradiction.
  EXPECT_EQ(refusal({{0, 345, 1}, {0, -15, 1}}, layout), "accepted");
  EXPECT_THAT(some.remarks,
              ElementsAre("1 of the same value, time and place as another, its longitude a turn away, such "
                          "as line 3: all are used"));
  EXPECT_EQ(refusal({{0, 344.9, 1}, {0, -15.1001, 2}}, layout), "accepted");
  auto map = layout;
  map.coordinates[0].units = "km";
  EXPECT_EQ(refusal({{0, 345, 1}, {0, -15, 2}}, map), "accepted");
  // Nor does a file of one row again and again take long.
  EXPECT_THAT(refusal(std::vector<std::array<double, 3>>(300000, {0, 90, 1}), layout),
              testing::StartsWith("time of line 3"));
}

TEST_F(Screening, TheWindowReachesFromTheStateBeforeToTheStateAfter) {
  const auto table = table_of({{3, 0, 1}, {6.5, 0, 1}});
  reject_flagged_and_missing(some, table);
  auto window = choose_window(some, table, layout, {});
  EXPECT_EQ(window.start, 2);
  EXPECT_EQ(window.length, 4);  // 2, 4, 6, 8
  window = choose_window(some, table, layout, {.state_at = 1.0});
  EXPECT_EQ(window.start, 3);
  EXPECT_EQ(window.length, 3);
  EXPECT_EQ(choose_window(some, table, layout, {.min_length = 9}).length, 9);
  EXPECT_EQ(in_words(window, layout.dt), "times from 3 to 7");
}

TEST(Numbers, TheWholeTextOrNone) {
  EXPECT_EQ(number_in("+1.5e3"), 1500);
  EXPECT_EQ(number_in("1.5 "), std::nullopt);
  EXPECT_EQ(number_in(""), std::nullopt);
  EXPECT_THAT(number_hint("1,5"), HasSubstr("a decimal point, not a comma"));
  EXPECT_THAT(number_hint("1,500"), HasSubstr("1500"));
}

TEST(AtomicFile, AppearsWholeAndLeavesNothingElse) {
  const ScratchFolder folder;
  const auto path = folder.file("a.txt");
  write_file(path, "one");
  write_file(path, "two");
  EXPECT_EQ(read_bytes(path), "two");
  {
    const TemporaryFile abandoned(path);
    write_bytes(abandoned.path(), "three");
    EXPECT_THAT(folder.names(), UnorderedElementsAre(".a.txt." + std::to_string(::getpid()) + ".part", "a.txt"));
  }
  EXPECT_THAT(folder.names(), ElementsAre("a.txt"));
  EXPECT_EQ(read_bytes(path), "two");
  require_writable(path);
  EXPECT_THAT(folder.names(), ElementsAre("a.txt"));
}

}  // namespace
}  // namespace sda::test
