/// Studies and calibration by the program: what they write, that they go on where they were stopped, and that
/// calibration holds where it must and fails where it must.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <sstream>

#include "program.hpp"
#include "sda/evaluation/calibration.hpp"
#include "workshop.hpp"

namespace sda::test {
namespace {

using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

/// A short chain: studies of it take a second.
constexpr const char* chain = R"(
[dynamics]
system = "rotation"
[observation.third]
operator = [{every = 3}, {select = [0]}]
sigma = 0.1
length = 10
[guidance]
rule = "mmps"
gamma = 0
[sampler]
steps = 16
grid = "power"
exponent = 3
churn = 1
corrections = 0
)";

/// Lines of a CSV file below its header.
std::vector<std::string> rows_of(const std::string& csv) {
  std::vector<std::string> rows;
  std::istringstream in(csv);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("#")) rows.push_back(line);
  }
  rows.erase(rows.begin());
  return rows;
}

struct StudyCase {
  std::string name;
  std::vector<std::string> flags;
  std::string first_columns;
  std::size_t rows;
};

class Study : public testing::TestWithParam<StudyCase> {};

TEST_P(Study, WritesATableAndAPlotAndFindsItsRowsAgain) {
  const auto& [name, flags, first_columns, rows] = GetParam();
  const ScratchFolder folder;
  write_bytes(folder.file("chain.toml"), chain);
  std::vector<std::string> arguments{"study", name, folder.file("chain.toml"), "-o", folder.file("out")};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const auto run = run_program(arguments);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_THAT(folder.names(), UnorderedElementsAre("chain.toml", "out.csv", "out.png"));
  const auto csv = read_bytes(folder.file("out.csv"));
  EXPECT_THAT(csv, HasSubstr("# command: sda study " + name));
  EXPECT_THAT(csv, HasSubstr("\n" + first_columns + ","));
  EXPECT_EQ(rows_of(csv).size(), rows);
  EXPECT_THAT(csv, Not(HasSubstr("nan")));
  EXPECT_THAT(read_bytes(folder.file("out.png")), StartsWith("\x89PNG"));

  // Without its last line the table is completed; what was there is not computed again.
  const auto last = csv.rfind('\n', csv.size() - 2);
  auto shorter = csv.substr(0, last + 1);
  const auto found = rows_of(shorter).front();
  const auto marked = std::regex_replace(found, std::regex("[0-9.e+-]+$"), "0.125");
  shorter.replace(shorter.find(found), found.size(), marked);
  write_bytes(folder.file("out.csv"), shorter);
  const auto again = run_program(arguments);
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr(std::to_string(rows - 1) + " of them found there"));
  const auto completed = rows_of(read_bytes(folder.file("out.csv")));
  EXPECT_EQ(completed.size(), rows);
  EXPECT_EQ(completed.front(), marked);
  EXPECT_EQ(completed.back(), rows_of(csv).back());

  // Not of another configuration.
  arguments.insert(arguments.end(), {"--set", "schedule.eta=0.002"});
  const auto other = run_program(arguments);
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("found eta = 0.001, expected eta = 0.002"));
}

INSTANTIATE_TEST_SUITE_P(
    , Study,
    testing::Values(
        StudyCase{"windows",
                  {"--k", "1,2", "--stride", "1,2", "--length", "10", "--times", "0.1,0.5"},
                  "k,stride,length,t",
                  8},
        StudyCase{
            "sampler",
            {"--rules", "sda,dps", "--k", "2", "--noise", "none,langevin:1", "--grids", "power:2", "--steps", "8,16"},
            "rule,k,grid,noise,steps,passes",
            8},
        StudyCase{"misspecified", {"--vary", "r", "--values", "0.9,0.97", "--k", "2,full"}, "r,k,error", 6},
        StudyCase{"noise",
                  {"--tails", "gaussian,student:3", "--assumed", "1,2", "--k", "2", "--draws", "50"},
                  "tails,assumed,rmse",
                  4},
        StudyCase{"memory", {"--seen", "0", "--k", "1,full"}, "process,k,windows", 2},
        StudyCase{
            "scaling", {"--length", "10,13", "--k", "2", "--corrections", "0,1"}, "length,k,corrections,passes", 4}),
    [](const auto& row) { return row.param.name; });

TEST(StudyHelp, HasAnExampleForEach) {
  for (const char* name : {"windows", "sampler", "misspecified", "noise", "memory", "scaling"}) {
    const auto run = run_program({"study", name, "--help"});
    EXPECT_EQ(run.code, 0) << name;
    EXPECT_THAT(run.out, HasSubstr(std::string("Example:\n  sda study ") + name));
  }
}

/// `sda study windows` was `sda study blanket` in 0.1.
TEST(StudyNames, OfVersion01GoOnBeingUnderstood) {
  const ScratchFolder folder;
  write_bytes(folder.file("chain.toml"), chain);
  const auto run = run_program({"study", "blanket", folder.file("chain.toml"), "-o", folder.file("out"), "--k", "1",
                                "--stride", "1", "--length", "10", "--times", "0.5"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(rows_of(read_bytes(folder.file("out.csv"))).size(), 1u);
  EXPECT_THAT(run_program({"study", "--help"}).out, Not(HasSubstr("blanket")));
}

TEST(StudyInput, ThatIsBadIsToldInOneLine) {
  const ScratchFolder folder;
  const auto out = folder.file("out");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"study"}, "subcommand"},
      {{"study", "windoes", "-o", out}, "did you mean windows"},
      {{"study", "windows", "-o", out, "--kk", "1"}, "unknown flag --kk"},
      {{"study", "windows", "-o", out, "--k", "0"}, "--k"},
      {{"study", "windows", "-o", out, "--k", "20", "--length", "9"}, "no window"},
      {{"study", "windows", "-o", folder.file("no/out")}, "cannot be written"},
      {{"study", "windows", "-o", out, "--set", "dynamics.system=lorenz63"}, "rotation"},
      {{"study", "sampler", "-o", out, "--rules", "sdda"}, "--rules"},
      {{"study", "sampler", "-o", out, "--noise", "white"}, "--noise"},
      {{"study", "sampler", "-o", out, "--grids", "power:x"}, "--grids"},
      {{"study", "sampler", "-o", out, "--name", "hi"}, "no such observation"},
      {{"study", "misspecified", "-o", out, "--vary", "angel"}, "did you mean"},
      {{"study", "noise", "-o", out, "--tails", "student"}, "--tails"},
      {{"calibrate", "-o", out}, "--model FILE, or --exact K"},
      {{"calibrate", "-o", out, "--exact", "none"}, "--exact"},
      {{"calibrate", "-o", out, "--exact", "4", "--quality", "good"}, "--quality requires --model"},
  };
  for (const auto& [arguments, message] : cases) {
    const auto run = run_program(arguments);
    EXPECT_EQ(run.code, message == "cannot be written" ? 1 : 2) << message << run.err;
    EXPECT_THAT(run.err, HasSubstr(message));
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
    EXPECT_THAT(folder.names(), testing::IsSubsetOf({"out"})) << message;
  }
}

/// What `sda calibrate` found: of each trajectory, and the classifier's area with its error.
struct Calibration {
  std::vector<double> coverage50{}, coverage90{};
  std::vector<std::vector<double>> shares{};
  double area = 0, area_error = 0;
  std::string out{};
};

Calibration calibrated(const ScratchFolder& folder, const std::vector<std::string>& flags) {
  std::vector<std::string> arguments{"calibrate", "-o", folder.file("calibration")};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const auto run = run_program(arguments, {.timeout = std::chrono::seconds(400)});
  EXPECT_EQ(run.code, 0) << run.err;
  Calibration found{.out = run.out};
  for (const auto& row : rows_of(read_bytes(folder.file("calibration/calibration.csv")))) {
    std::vector<double> cells;
    std::istringstream in(row);
    for (std::string cell; std::getline(in, cell, ',');) cells.push_back(std::stod(cell));
    found.coverage50.push_back(cells.at(1));
    found.coverage90.push_back(cells.at(2));
    found.shares.emplace_back(cells.begin() + 5, cells.end());
  }
  std::smatch match;
  if (std::regex_search(run.out, match, std::regex("classifier's curve +([0-9.]+) ± ([0-9.]+)"))) {
    found.area = std::stod(match[1]), found.area_error = std::stod(match[2]);
  }
  return found;
}

double errors_off(const std::vector<double>& values, double expected) {
  const Estimate found = estimate(values);
  return (found.value - expected) / found.standard_error;
}

/// Draws of the posterior itself: nothing may be found.
TEST(Calibrate, HoldsForThePosteriorItself) {
  const ScratchFolder folder;
  const auto found = calibrated(folder, {"--exact", "smoother", "--trajectories", "100", "--members", "39"});
  ASSERT_EQ(found.coverage50.size(), 100u);
  EXPECT_LT(std::abs(errors_off(found.coverage50, 0.5)), 4);
  EXPECT_LT(std::abs(errors_off(found.coverage90, 0.9)), 4);
  EXPECT_GT(rank_uniformity(found.shares, 1000, 1).p_value, 0.001);
  EXPECT_LT(std::abs(found.area - 0.5), 4 * found.area_error);
  EXPECT_LT(found.area_error, 0.02);
  EXPECT_GT(found.area_error, 0);
}

/// The sampler with exact scores of windows, by the guidance and noise that are advised.
TEST(Calibrate, HoldsForTheSamplerOnTheExactChain) {
  const ScratchFolder folder;
  const auto found = calibrated(folder, {"--exact", "8", "--trajectories", "40", "--members", "31"});
  EXPECT_LT(std::abs(errors_off(found.coverage50, 0.5)), 4);
  EXPECT_LT(std::abs(errors_off(found.coverage90, 0.9)), 4);
  EXPECT_GT(rank_uniformity(found.shares, 1000, 1).p_value, 0.001);
  EXPECT_LT(std::abs(found.area - 0.5), 4 * found.area_error);
}

/// The posterior takes the noise for a quarter of what it is: too narrow, and every test must say so.
TEST(Calibrate, FailsForANoiseThatIsTooSmall) {
  const ScratchFolder folder;
  const auto found = calibrated(folder, {"--exact", "smoother", "--trajectories", "100", "--members", "39",
                                         "--believed-noise", "0.25", "--set", "observation.fourth.sigma=0.5"});
  EXPECT_LT(errors_off(found.coverage50, 0.5), -4);
  EXPECT_LT(errors_off(found.coverage90, 0.9), -4);
  EXPECT_LT(rank_uniformity(found.shares, 1000, 1).p_value, 0.001);
  EXPECT_GT(found.area - 0.5, 4 * found.area_error);
}

TEST(Calibrate, GoesOnWithMoreTrajectories) {
  const ScratchFolder folder;
  calibrated(folder, {"--exact", "smoother", "--trajectories", "5", "--members", "9"});
  const auto found = calibrated(folder, {"--exact", "smoother", "--trajectories", "12", "--members", "9"});
  EXPECT_EQ(found.coverage50.size(), 12u);
  EXPECT_THAT(found.out, HasSubstr("5 of them found there"));
  const ScratchFolder other;
  const auto whole = calibrated(other, {"--exact", "smoother", "--trajectories", "12", "--members", "9"});
  EXPECT_EQ(whole.coverage50, found.coverage50);
  EXPECT_EQ(whole.area, found.area);
}

/// A trained prior beside the particle filter: a weak one, of which only is asked that the numbers come.
TEST(Calibrate, TakesATrainedPrior) {
  const ScratchFolder folder;
  const auto found = calibrated(folder, {"--model", Workshop::shared().model(), "--name", "lo", "--trajectories", "10",
                                         "--members", "6", "--quality", "quick", "--set", "sampler.steps=16"});
  const std::string record = read_bytes(folder.file("calibration/calibration.csv"));
  EXPECT_THAT(record,
              testing::AllOf(HasSubstr("rule = \"mmps\""), HasSubstr("steps = 16\n"), HasSubstr("bound = 5.0")));
  EXPECT_EQ(found.coverage90.size(), 10u);
  EXPECT_GT(found.area, 0.5);
  EXPECT_THAT(found.out, HasSubstr("rank histogram: p = "));
}

}  // namespace
}  // namespace sda::test
