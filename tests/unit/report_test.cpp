#include "sda/report/report.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/torch.hpp"
#include "report/picture.hpp"
#include "report/png.hpp"
#include "report/statistics/case_statistics.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "tolerance.hpp"

namespace {

namespace fs = std::filesystem;
using sda::tolerance::exact_float64;

sda::StateLayout lorenz_layout() {
  return {.event = {3},
          .variables = {{"x", "Lorenz 1963 convection intensity", "1"},
                        {"y", "Lorenz 1963 horizontal temperature difference", "1"},
                        {"z", "Lorenz 1963 vertical temperature profile", "1"}},
          .space_names = {},
          .dt = 0.025};
}

/// Lorenz's equations by small Euler steps: only its shape matters here.
at::Tensor lorenz_curve(std::int64_t length) {
  double x = -6, y = -8, z = 22;
  auto states = at::empty({length, 3}, at::kDouble);
  for (std::int64_t i = 0; i < length; ++i) {
    states[i] = at::tensor({x, y, z}, at::kDouble);
    for (int j = 0; j < 25; ++j) {
      const double dx = 10 * (y - x), dy = x * (28 - z) - y, dz = x * y - 8.0 / 3 * z;
      x += 0.001 * dx, y += 0.001 * dy, z += 0.001 * dz;
    }
  }
  return states;
}

/// Members around `centre` whose errors persist in time: AR(1) twice, of standard deviation `scale` of each component.
at::Tensor members_around(const at::Tensor& centre, std::int64_t count, double scale, std::uint64_t seed) {
  auto error = sda::normal({count, centre.size(0), 3}, {.seed = seed}, at::kDouble);
  for (int twice = 0; twice < 2; ++twice) {
    for (std::int64_t i = 1; i < centre.size(0); ++i) error.select(1, i).add_(error.select(1, i - 1), 0.85);
  }
  error /= error.std();
  return centre.unsqueeze(0) + scale * error * at::tensor({0.8, 0.9, 0.86}, at::kDouble);
}

/// A case as it comes from an experiment: truth, observations, two ensembles and their scores.
sda::ReportCase made_case(const std::string& name, const std::vector<sda::OperatorLink>& chain, double sigma,
                          std::uint64_t seed, std::int64_t length = 65) {
  const auto layout = lorenz_layout();
  const sda::Normalisation normalisation{at::tensor({0.0, 0.0, 25.0}, at::kDouble),
                                         at::tensor({8.0, 9.0, 8.6}, at::kDouble)};
  const auto truth = lorenz_curve(length);
  sda::ReportCase made;
  made.name = name;
  made.observations = sda::observe(truth, layout, normalisation, chain, sda::GaussianNoise({sigma}), name, seed, 0);
  const auto centre = members_around(truth, 2, 1.0, seed + 1)[0];
  made.posterior = {layout, members_around(centre, 256, 1.15, seed + 2), 0.0, "SDA"};
  made.reference = {layout, members_around(centre, 512, 1.0, seed + 3), 0.0, "particle filter"};
  made.scores = {sda::score_ensemble(made.posterior, made.observations, nullptr, made.reference.members, seed),
                 sda::score_ensemble({layout, made.reference.members.narrow(0, 0, 256), 0.0, "particle filter"},
                                     made.observations, nullptr, at::Tensor(), seed)};
  return made;
}
sda::ReportCase low(std::int64_t length = 65) {
  return made_case("lo", {{"every", {8}}, {"select", {0}}}, 0.05, 100, length);
}
sda::ReportCase high() {
  return made_case("hi", {{"select", {0}}}, 0.25, 200);
}
sda::ReportCase nonlinear() {
  return made_case("square & <more>", {{"every", {4}}, {"square", {}}}, 0.5, 300);
}

sda::Provenance provenance() {
  return {.command = "sda report run/lo.nc --title \"<Lorenz>\"",
          .config = "[dynamics]\nsystem = \"lorenz63\"\n",
          .seed = 7,
          .version = "0.1.0",
          .created = "2024-01-01T00:00:00Z"};
}

/// What stands between each `begin` and the `end` that follows it. No regular expression: the library's recurse for
/// every character, which a sanitizer's stack does not hold.
std::vector<std::string> every_between(const std::string& text, const std::string& begin, const std::string& end) {
  std::vector<std::string> found;
  for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
    at += begin.size();
    found.push_back(text.substr(at, text.find(end, at) - at));
  }
  return found;
}

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Report : public testing::Test {
 protected:
  fs::path folder = fs::path(testing::TempDir()) / fmt_name();
  void SetUp() override { fs::remove_all(folder); }
  void TearDown() override {
    if (std::getenv("SDA_KEEP_REPORTS") == nullptr) fs::remove_all(folder);
  }

 private:
  static std::string fmt_name() {
    return std::string("sda_report_") + testing::UnitTest::GetInstance()->current_test_info()->name();
  }
};

TEST_F(Report, IsOneSelfContainedPageAndAPictureForEachCase) {
  sda::write_report(folder.string(), "Lorenz 1963 & friends", {low(), high(), nonlinear()}, "case  W1\nlo    5 < 6\n",
                    provenance());
  const auto page = read_all(folder / "report.html");
  EXPECT_LT(page.size(), 2'000'000U);
  // Nothing is loaded from anywhere: no address, and no attribute or rule that fetches.
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
  EXPECT_FALSE(std::regex_search(page, std::regex("\\ssrc=|url\\(|@import|fetch\\(|XMLHttpRequest")));
  for (const auto& link : every_between(page, "href=\"", "\"")) {
    EXPECT_TRUE(link.front() == '#' || link == "data:,") << link;
  }
  // Each case with its figures, escaped; the table; what was run.
  for (const char* expected :
       {"id=\"case-lo\"", "id=\"case-hi\"", "square &amp; &lt;more&gt;</h2>", "lo    5 &lt; 6", "Seed",
        "&lt;Lorenz&gt;", "system = &quot;lorenz63&quot;", "Lorenz 1963 vertical temperature profile",
        "x (dimensionless)", "time (dimensionless)", "particle filter", "ranks of the truth", "Figure 7."}) {
    EXPECT_NE(page.find(expected), std::string::npos) << expected;
  }
  EXPECT_EQ(page.find("<more>"), std::string::npos);
  // The data of every case can be read back.
  int cases = 0;
  for (const auto& data : every_between(page, "<script type=\"application/json\">", "</script>")) {
    const auto json = nlohmann::json::parse(data);
    EXPECT_EQ(json["panels"].size(), cases == 2 ? 3U + 3U + 1U : 3U + 1U);
    for (const auto& panel : json["panels"]) {
      for (const auto& series : panel["series"]) {
        EXPECT_EQ(series[series.contains("low") ? "low" : "values"].size(), panel["times"].size());
      }
    }
    ++cases;
  }
  EXPECT_EQ(cases, 3);
  for (const char* name : {"lo.png", "hi.png", "square____more_.png"}) {
    const auto png = read_all(folder / name);
    ASSERT_GT(png.size(), 10'000U) << name;
    EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(png[i]); };
    EXPECT_GE(byte(18) * 256 + byte(19), 1600) << name;  // width, in the first chunk
    EXPECT_NE(png.find("system = \"lorenz63\""), std::string::npos) << name;
  }
  // Nothing temporary is left.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 4);
}

TEST_F(Report, StaysSmallForLongTrajectories) {
  sda::write_report(folder.string(), "long", {low(1024), made_case("b", {{"select", {0}}}, 0.25, 5, 1024)}, "",
                    provenance());
  EXPECT_LT(fs::file_size(folder / "report.html"), 2'000'000U);
}

TEST_F(Report, LeavesNothingBehindWhereItCannotWrite) {
  EXPECT_THROW(sda::write_report("/proc/no/such", "t", {low()}, "", provenance()), sda::FileError);
  EXPECT_THROW(sda::write_png((folder / "missing" / "lo.png").string(), low()), sda::FileError);
  fs::create_directories(folder / "lo.png");  // a folder stands where the picture should
  EXPECT_THROW(sda::write_png((folder / "lo.png").string(), low()), sda::FileError);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(Report, RefusesCasesThatDoNotFit) {
  auto wrong = low();
  wrong.posterior.members = wrong.posterior.members.narrow(1, 0, 60);
  EXPECT_THROW(sda::write_report(folder.string(), "t", {wrong}, "", provenance()), sda::ShapeError);
  auto infinite = low();
  infinite.reference.members[0][0][0] = std::numeric_limits<double>::infinity();
  EXPECT_THROW(sda::write_report(folder.string(), "t", {infinite}, "", provenance()), sda::ValueError);
  EXPECT_THROW(sda::write_report(folder.string(), "t", {low(), low()}, "", provenance()), sda::UsageError);
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(Report, DoesWithoutTruthReferenceAndScores) {
  auto bare = low();
  bare.observations.truth = at::Tensor();
  bare.reference.members = at::Tensor();
  bare.scores.clear();
  bare.posterior.members = bare.posterior.members.narrow(0, 0, 1);
  sda::write_report(folder.string(), "bare", {bare}, "", provenance());
  EXPECT_GT(fs::file_size(folder / "lo.png"), 10'000U);
  EXPECT_EQ(read_all(folder / "report.html").find("nan"), std::string::npos);
}

TEST(Figures, PutObservationsOfOneComponentIntoItsUnit) {
  const auto made = made_case("z", {{"every", {8}}, {"select", {2}}}, 0.1, 9);
  const auto figures = sda::report::statistics_of(made);
  EXPECT_TRUE(figures.observations.empty());
  EXPECT_TRUE(figures.states[0].observations.values.empty());
  const auto& observations = figures.states[2].observations;
  ASSERT_EQ(observations.values.size(), 9U);
  for (int i = 0; i < 9; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_NEAR(observations.times[at], 8 * i * 0.025, exact_float64);
    EXPECT_NEAR(observations.values[at], 25 + 8.6 * made.observations.parts[0].values[i].item<double>(), exact_float64);
    EXPECT_NEAR(observations.errors[at], 0.1 * 8.6, exact_float64);
  }
}

TEST(Figures, PutOtherObservationsIntoPanelsOfTheirOwn) {
  const auto figures = sda::report::statistics_of(nonlinear());
  ASSERT_EQ(figures.observations.size(), 3U);
  EXPECT_TRUE(figures.states[0].observations.values.empty());
  const auto& panel = figures.observations[1];
  ASSERT_EQ(panel.times.size(), 17U);
  EXPECT_EQ(panel.observations.values.size(), 17U);
  // A(truth) of the second component.
  const double y = lorenz_curve(65)[4][1].item<double>() / 9;
  EXPECT_EQ(panel.curves.back().role, sda::report::Role::truth);
  EXPECT_NEAR(panel.curves.back().values[1], y * y, exact_float64);
}

TEST(Figures, DrawObservationsOfAllParts) {
  auto made = low();
  const auto& y = made.observations;
  made.observations =
      sda::observe(y.truth, y.layout, y.normalisation,
                   {{.name = "first", .chain = {{"select", {0}}}, .noise = sda::GaussianNoise({0.1})},
                    {.name = "last", .chain = {{"every", {8}}, {"select", {2}}}, .noise = sda::GaussianNoise({0.2})},
                    {.name = "energy", .chain = {{"every", {16}}, {"square", {}}}, .noise = sda::GaussianNoise({0.5})}},
                   "mixed", 1, 0);
  const auto figures = sda::report::statistics_of(made);
  EXPECT_EQ(figures.states[0].observations.values.size(), 65U);
  EXPECT_TRUE(figures.states[1].observations.values.empty());
  ASSERT_EQ(figures.states[2].observations.values.size(), 9U);
  EXPECT_NEAR(figures.states[2].observations.errors[0], 0.2 * 8.6, exact_float64);
  ASSERT_EQ(figures.observations.size(), 2U);  // the third part's share of the six panels
  EXPECT_EQ(figures.observations[0].name, "energy, observation 1");
  EXPECT_EQ(figures.observations[0].observations.values.size(), 5U);
  EXPECT_NE(figures.observations_caption.find("2 of 3 are shown"), std::string::npos) << figures.observations_caption;
  EXPECT_NE(figures.observed.find("; last: every 8th state"), std::string::npos) << figures.observed;
}

TEST(Figures, BandIsFiveToNinetyFivePercent) {
  auto made = low();
  made.posterior.members = at::arange(0, 101, at::kDouble).reshape({101, 1, 1}).expand({101, 65, 3}).contiguous();
  const auto figures = sda::report::statistics_of(made);
  const auto& band = figures.states[0].bands.back();
  EXPECT_EQ(band.role, sda::report::Role::posterior_band);
  EXPECT_NEAR(band.low[10], 5, exact_float64);
  EXPECT_NEAR(band.high[10], 95, exact_float64);
}

TEST(Figures, ThinStatesButKeepTheLast) {
  const auto figures = sda::report::statistics_of(low(), 8, 10);
  EXPECT_EQ(figures.states[0].members.size(), 8U);
  EXPECT_EQ(figures.states[0].times.size(), 8U);
  EXPECT_NEAR(figures.states[0].times.back(), 64 * 0.025, exact_float64);
}

TEST(Figures, RankBarsAreSharesOfTheUniform) {
  auto made = low();
  sda::EnsembleScores scores;
  scores.method = "SDA";
  scores.members = 7;
  scores.ranks = {40, 10, 10, 10, 10, 10, 10, 60};
  made.scores = {scores};
  const auto figures = sda::report::statistics_of(made);
  ASSERT_EQ(figures.ranks.size(), 1U);
  EXPECT_THAT(figures.ranks[0].ratio, testing::ElementsAre(2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 3));
  EXPECT_THAT(figures.ranks_caption, testing::HasSubstr("too narrow"));
}

TEST(Png, TextChunkIsTheStandards) {
  const std::string header = std::string("\x89PNG\r\n\x1a\n", 8) + std::string(25, 'h');
  const auto png = sda::report::with_text(header + "rest", {{"Comment", "hi"}}, "x.png");
  // Length 14, type, keyword, five zeros, text, CRC-32 (of zlib: 0x5d7f75f1).
  EXPECT_EQ(png, header +
                     std::string("\0\0\0\x0eiTXtComment\0\0\0\0\0hi"
                                 "\x5d\x7f\x75\xf1",
                                 26) +
                     "rest");
  EXPECT_THROW(sda::report::with_text("GIF", {}, "x.png"), sda::FileError);
}

TEST(Picture, HasTheFiguresOfThePage) {
  const auto figures = sda::report::statistics_of(low());
  const auto svg = sda::report::picture_of(figures, 2).body;
  const auto count = [&](const std::string& element) { return every_between(svg, element, ">").size(); };
  EXPECT_EQ(count("<svg class=\"area\""), 3U + 2U);            // components; spread and error; ranks
  EXPECT_EQ(count("<path class=\"members\""), 3U * 32U + 1U);  // and the legend's
  EXPECT_EQ(count("<path class=\"points\""), 1U + 1U);
  for (const char* expected :
       {"Observations: lo", "x (dimensionless)", "Lorenz 1963 vertical temperature profile", "time (dimensionless)",
        "32 SDA members", "particle filter 5–95 %", "observations ± 1 standard deviation", "count / uniform",
        "log p(y | x)", "ranks of the truth"}) {
    EXPECT_NE(svg.find(expected), std::string::npos) << expected;
  }
  // Captions are whole, though broken into lines.
  std::string text;
  for (const auto& line : every_between(svg, "<text class=\"caption\"", "</text>")) {
    text += line.substr(line.find('>') + 1) + " ";
  }
  EXPECT_NE(text.find(figures.states_caption), std::string::npos);
  EXPECT_NE(text.find(figures.ranks_caption), std::string::npos);
}

TEST(Figures, NumbersCarryAsManyDigitsAsTheirErrors) {
  EXPECT_EQ(sda::report::to_string(sda::Estimate{19.3456, 2.13}), "19.3 ± 2.1");
  EXPECT_EQ(sda::report::to_string(sda::Estimate{-2.80123, 0.0317}), "−2.801 ± 0.032");
  EXPECT_EQ(sda::report::to_string(sda::Estimate{12.041, 0}), "12.04");
}

}  // namespace
