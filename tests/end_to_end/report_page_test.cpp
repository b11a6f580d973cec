/// The report's page in a browser: it is drawn, it can be used, and the browser has nothing to complain of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tools.hpp"
#include "workshop.hpp"

namespace sda::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

bool has_browser() {
  return is_installed("chromium --version") && is_installed("chromedriver --version") &&
         is_installed("/usr/bin/python3 --version");
}

/// What tests/end_to_end/browser.py saw of the page.
json seen(const std::string& page) {
  const auto outcome =
      run("timeout 120 /usr/bin/python3 " SDA_SOURCE_DIR "/tests/end_to_end/browser.py " + page + " 2>/dev/null");
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  return json::parse(outcome.output, nullptr, /*allow_exceptions=*/false);
}

void expect_run(const std::vector<std::string>& arguments) {
  const auto run = run_program(arguments);
  ASSERT_EQ(run.code, 0) << arguments.front() << ": " << run.err;
}

void expect_quiet(const json& page) {
  EXPECT_EQ(page.at("complaints"), json::array());
  EXPECT_EQ(page.at("from_elsewhere"), json::array());
  EXPECT_EQ(page.at("wide"), false) << "the page is wider than the window";
}

TEST(ReportPage, PlotsAreDrawnAndCanBeUsed) {
  if (!has_browser()) GTEST_SKIP() << "chromium, chromium-driver or python3 is not installed";
  const ScratchFolder folder;
  auto& shop = Workshop::shared();
  expect_run({"report", "--obs", shop.observations(), "--reference", shop.filter(), shop.posterior(), "-o",
              folder.file("report"), "--title", "A <title>"});
  const json page = seen(folder.file("report/report.html"));
  ASSERT_TRUE(page.is_object());
  expect_quiet(page);
  EXPECT_EQ(page.at("title"), "A <title>");
  std::map<std::string, int> curves;
  for (const auto& curve : page.at("curves")) ++curves[curve[0].get<std::string>()];
  EXPECT_GE(curves["members"], 3 * 6);  // components × members
  EXPECT_GE(curves["truth"], 3);
  EXPECT_GE(curves["points"], 1);
  // Taking a curve away changes the picture, so it was there.
  const json& plots = page.at("plots");
  for (const char* style : {"members", "truth", "observations", "reference-band"}) {
    EXPECT_EQ(plots.at("switches").at(style), true) << style;
  }
  const auto& view = plots.at("view");
  EXPECT_THAT(view[0].get<std::string>(), testing::StartsWith("0 0 "));
  EXPECT_NE(view[1], view[0]) << "dragging did not zoom";
  EXPECT_EQ(view[2], view[0]) << "Escape did not show all times again";
  EXPECT_THAT(plots.at("read_out").get<std::string>(), testing::AllOf(HasSubstr("time"), HasSubstr("truth")));
}

TEST(ReportPage, TheSliderMovesThroughFields) {
  if (!has_browser()) GTEST_SKIP() << "chromium, chromium-driver or python3 is not installed";
  const ScratchFolder folder;
  write_bytes(folder.file("flow.toml"), R"(
[dynamics]
system = "kolmogorov"
grid = 16
solver_grid = 32
forcing_wavenumber = 2
[simulation]
trajectories = 10
length = 6
spin_up = 8
[network]
kind = "unet"
order = 1
channels = [4]
blocks = [1]
padding = "circular"
[training]
epochs = 2
[observation.averages]
operator = [{every = 2}, {coarsen = 4}]
sigma = 0.1
length = 5
[sampler]
steps = 4
churn = 0
[guidance]
rule = "sda"
gamma = 1
[assimilation]
members = 3
)");
  const auto file = [&](const std::string& name) { return folder.file(name); };
  expect_run({"simulate", file("flow.toml"), "-o", file("data")});
  expect_run({"train", "--data", file("data"), "-o", file("model.nc")});
  expect_run({"observe", "--data", file("data/test.nc"), "-o", file("y.nc")});
  expect_run({"assimilate", "--keep-diverged", "--model", file("model.nc"), "--obs", file("y.nc"), "-o",
              file("posterior.nc")});
  expect_run({"report", "--obs", file("y.nc"), file("posterior.nc"), "-o", file("report")});
  const json page = seen(file("report/report.html"));
  ASSERT_TRUE(page.is_object());
  expect_quiet(page);
  const json& animation = page.at("animation");
  EXPECT_GE(animation.at("fields").size(), 5U);  // truth, observations, mean, spread, members
  for (const auto& width : animation.at("fields")) EXPECT_GT(width.get<int>(), 0);
  // At first, after an arrow key, after dragging to the end.
  EXPECT_EQ(animation.at("said"), json::array({"time 0", "time 0.2", "time 0.8"}));
  const auto& pictures = animation.at("pictures");
  EXPECT_NE(pictures[0], pictures[1]);
  EXPECT_NE(pictures[1], pictures[2]);
  EXPECT_THAT(animation.at("read_out").get<std::string>(),
              testing::AllOf(HasSubstr("x "), HasSubstr("truth"), testing::Not(HasSubstr("truth\t–"))));
}

}  // namespace
}  // namespace sda::test
