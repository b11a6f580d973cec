/// Reports of states on a plane: colours, animation, the page's strips and the animation.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numbers>
#include <set>

#include "core/torch.hpp"
#include "report/png.hpp"
#include "report/statistics/case_statistics.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/report/report.hpp"
#include "tolerance.hpp"

namespace {

namespace fs = std::filesystem;
using sda::report::ColourMap;
using sda::tolerance::exact_float64;
constexpr double two_pi = 2 * std::numbers::pi;

sda::StateLayout flow(std::int64_t n) {
  return {.event = {2, n, n},
          .variables = {{"u", "velocity along x", "1"}, {"v", "velocity along y", "1"}},
          .space_names = {"y", "x"},
          .dt = 0.2,
          .spacing = {two_pi / static_cast<double>(n), two_pi / static_cast<double>(n)}};
}

/// Waves that travel, of wavenumbers 1 to 8 and falling energy; `phase` shifts the shorter ones. (length, 2, n, n).
at::Tensor travelling(std::int64_t length, std::int64_t n, double phase) {
  const auto t = 0.2 * at::arange(length, at::kDouble).reshape({length, 1, 1});
  const auto y = (at::arange(n, at::kDouble) * (two_pi / static_cast<double>(n))).unsqueeze(1);
  const auto x = at::arange(n, at::kDouble) * (two_pi / static_cast<double>(n));
  auto u = at::zeros({length, n, n}, at::kDouble), v = u.clone();
  for (int m = 0; m < 24; ++m) {
    const double kx = m % 5 - 2 + m / 8, ky = 1 + m % 7, k2 = kx * kx + ky * ky, size = 6 * std::pow(k2, -1.4);
    const auto wave = size * at::sin(kx * x + ky * y - (0.3 * m + 1) * t + 2.4 * m + phase * std::sqrt(k2));
    u += ky * wave, v -= kx * wave;
  }
  return at::stack({u, v}, 1);
}

sda::ReportCase flow_case(const std::string& name, const std::vector<sda::OperatorLink>& chain, std::int64_t length = 6,
                          std::int64_t n = 16, std::int64_t members = 4) {
  const auto layout = flow(n);
  sda::ReportCase made;
  made.name = name;
  made.observations = sda::observe(travelling(length, n, 0), layout, sda::Normalisation::identity(layout.event), chain,
                                   sda::GaussianNoise({0.1}), name, 3, 0);
  std::vector<at::Tensor> all;
  for (std::int64_t m = 0; m < members; ++m)
    all.push_back(travelling(length, n, 0.12 * std::sin(1.7 * static_cast<double>(m) + 1)));
  made.posterior = {layout, at::stack(all), 0.0, "SDA"};
  made.scores = {sda::score_ensemble(made.posterior, made.observations, nullptr, {}, 0)};
  return made;
}

const sda::report::FieldFrames& field(const sda::report::Animation& animation, const std::string& name) {
  for (const auto& one : animation.fields) {
    if (one.name == name) return one;
  }
  throw std::runtime_error("no field " + name);
}

/// The same states with x as the first axis of space.
at::Tensor x_first(const at::Tensor& states) {
  return states.transpose(-2, -1).contiguous();
}

TEST(AnimationOfFields, AreTheSameWhicheverAxisComesFirst) {
  const auto upright = flow_case("averages", {{"every", {2}}, {"coarsen", {4}}});
  auto turned = upright;
  for (auto* layout : {&turned.observations.layout, &turned.posterior.layout}) layout->space_names = {"x", "y"};
  turned.posterior.members = x_first(upright.posterior.members);
  const auto& y = upright.observations;
  turned.observations = sda::observe(x_first(y.truth), turned.observations.layout, y.normalisation, y.parts[0].chain,
                                     y.parts[0].noise, y.name, 3, 0);
  turned.observations.parts[0].values = x_first(y.parts[0].values);
  const auto expected = sda::report::animation_of(upright, 1 << 20), got = sda::report::animation_of(turned, 1 << 20);
  ASSERT_TRUE(expected && got);
  EXPECT_EQ(got->x.label, expected->x.label);
  ASSERT_EQ(got->fields.size(), expected->fields.size());
  for (std::size_t i = 0; i < got->fields.size(); ++i) {
    SCOPED_TRACE(expected->fields[i].name);
    ASSERT_EQ(got->fields[i].levels.size(), expected->fields[i].levels.size());
    int furthest = 0;  // a level may round the other way
    for (std::size_t j = 0; j < got->fields[i].levels.size(); ++j)
      furthest = std::max(furthest, std::abs(int{got->fields[i].levels[j]} - int{expected->fields[i].levels[j]}));
    EXPECT_LE(furthest, 1);
  }
}

TEST(AnimationOfFields, OfTheEarthHaveNorthUpDegreesAndDates) {
  const auto plain = flow_case("averages", {{"every", {2}}, {"coarsen", {4}}});
  auto earth = plain;
  // The same field with its rows from north to south, as many models write them.
  for (auto* layout : {&earth.observations.layout, &earth.posterior.layout}) {
    layout->coordinates = {{{75, 65, 55, 45, 35, 25, 15, 5, -5, -15, -25, -35, -45, -55, -65, -75}, "degrees_north"},
                           {{0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150}, "degrees_east"}};
    layout->time_units = "days", layout->time_origin = "1991-02-27", layout->calendar = "noleap", layout->dt = 1;
  }
  earth.posterior.members = plain.posterior.members.flip(-2);
  earth.observations.truth = plain.observations.truth.flip(-2);
  const auto got = sda::report::animation_of(earth, 1 << 20), expected = sda::report::animation_of(plain, 1 << 20);
  ASSERT_TRUE(got && expected);
  EXPECT_EQ(got->y.label, "y (degrees_north)");
  EXPECT_EQ(got->y.from, -80);
  EXPECT_EQ(got->y.to, 80);
  EXPECT_EQ(got->x.from, -5);
  EXPECT_EQ(got->x.to, 155);
  EXPECT_EQ(got->aspect, 1);
  EXPECT_EQ(got->time_text(2), "1991-03-01");
  EXPECT_EQ(expected->time_text(2), "time 0.4");
  EXPECT_EQ(field(*got, "truth").levels, field(*expected, "truth").levels);
}

TEST(Colour, LevelsAreValuesAndBack) {
  EXPECT_EQ(sda::report::level_of(ColourMap::diverging, 0, 5), 128);
  EXPECT_EQ(sda::report::level_of(ColourMap::diverging, -5, 5), 1);
  EXPECT_EQ(sda::report::level_of(ColourMap::diverging, 9, 5), 255);
  EXPECT_EQ(sda::report::level_of(ColourMap::sequential, 0, 5), 1);
  EXPECT_EQ(sda::report::level_of(ColourMap::sequential, 5, 5), 255);
  EXPECT_EQ(sda::report::level_of(ColourMap::sequential, std::nan(""), 5), 0);
  for (const auto map : {ColourMap::diverging, ColourMap::sequential}) {
    for (int level = 1; level < 256; ++level) {
      EXPECT_EQ(sda::report::level_of(map, sda::report::value_of(map, level, 3), 3), level);
    }
  }
}

TEST(Colour, ArmsDarkenAlikeAndLevelsHaveColoursOfTheirOwn) {
  const auto luminance = [](const std::array<std::uint8_t, 3>& c) { return 0.21 * c[0] + 0.72 * c[1] + 0.07 * c[2]; };
  for (const auto map : {ColourMap::diverging, ColourMap::sequential}) {
    std::set<std::array<std::uint8_t, 3>> colours;
    for (int level = 0; level < 256; ++level) colours.insert(sda::report::colour(map, level));
    EXPECT_GE(colours.size(), 250U);  // near white a step can be less than a byte's
  }
  for (int d = 1; d < 128; ++d) {
    const auto up = sda::report::colour(ColourMap::diverging, 128 + d),
               down = sda::report::colour(ColourMap::diverging, 128 - d);
    EXPECT_LT(luminance(up), luminance(sda::report::colour(ColourMap::diverging, 127 + d)) + 0.5) << d;
    EXPECT_NEAR(luminance(up), luminance(down), 25) << d;
    EXPECT_GE(down[2], down[0]);  // blue below, red above
    EXPECT_GE(up[0], up[2]);
  }
}

TEST(Png, IndexedPictureIsTheStandards) {
  const auto png = sda::report::indexed_png(2, 2, {0, 1, 1, 0}, {{{255, 0, 0}}, {{0, 0, 255}}});
  EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_EQ(png.substr(8, 25), std::string("\0\0\0\x0dIHDR\0\0\0\x02\0\0\0\x02\x08\x03\0\0\0", 21) + png.substr(29, 4));
  EXPECT_EQ(png.substr(33, 14), std::string("\0\0\0\x06PLTE\xff\0\0\0\0\xff", 14));
  // The rows, each after a zero, come out of the stream again.
  const auto at = png.find("IDAT");
  const auto size = static_cast<unsigned char>(png[at - 1]);
  std::string rows(6, '?');
  uLongf length = 6;
  ASSERT_EQ(
      uncompress(reinterpret_cast<Bytef*>(rows.data()), &length, reinterpret_cast<const Bytef*>(&png[at + 4]), size),
      Z_OK);
  EXPECT_EQ(rows, std::string("\0\0\1\0\1\0", 6));
  // Length 0, type and the check sum that every PNG file ends with.
  EXPECT_EQ(png.substr(png.size() - 12), std::string("\0\0\0\0IEND\xae\x42\x60\x82", 12));
  EXPECT_THROW(sda::report::indexed_png(2, 2, {0, 1, 1}, {{{255, 0, 0}}}), sda::ShapeError);
}

TEST(Animation, ShowTheVorticityOfTruthAndMembers) {
  auto made = flow_case("averages", {{"every", {2}}, {"coarsen", {4}}});
  // v = a sin 2x has the vorticity 2 a cos 2x; members a = 1 and 2, truth a = 3, at all times.
  const auto x = at::arange(16, at::kDouble) * (two_pi / 16);
  const auto v = at::sin(2 * x).reshape({1, 1, 16}).expand({6, 16, 16});
  const auto wave = at::stack({at::zeros_like(v), v}, 1);
  made.observations.truth = 3 * wave;
  made.posterior.members = at::stack({wave, 2 * wave});
  const auto animation = sda::report::animation_of(made);
  ASSERT_TRUE(animation);
  EXPECT_EQ(animation->times.size(), 6U);
  EXPECT_NEAR(animation->times.back(), 1.0, exact_float64);
  EXPECT_EQ(animation->fields.size(), 6U);  // truth, observations, mean, spread and two members
  const auto& scale = animation->scales[field(*animation, "truth").scale];
  EXPECT_NEAR(scale.largest, 6, exact_float64);
  EXPECT_EQ(scale.label, "vorticity (dimensionless)");
  for (const std::size_t time : {0U, 5U}) {
    for (const std::int64_t column : {0, 1, 4}) {
      const double cosine = std::cos(2 * two_pi * static_cast<double>(column) / 16);
      EXPECT_EQ(field(*animation, "truth").at(time, 3, column), 128 + std::lround(127 * cosine));
      EXPECT_NEAR(field(*animation, "mean").at(time, 3, column), 128 + 127 * 3 * cosine / 6, 0.51);
      EXPECT_EQ(field(*animation, "member 2").at(time, 3, column), 128 + std::lround(127 * 4 * cosine / 6));
    }
  }
  // Members 2 and 4 at x = 0: standard deviation √2.
  const auto& spread = animation->scales[field(*animation, "spread").scale];
  EXPECT_EQ(spread.map, ColourMap::sequential);
  EXPECT_NEAR(spread.largest, 1.5, exact_float64);
  EXPECT_EQ(field(*animation, "spread").at(2, 0, 0), 1 + std::lround(254 * std::sqrt(2.0) / 1.5));
}

TEST(Animation, ShowAveragesOnTheirOwnGridAndOnlyWhenTheyWereRead) {
  const auto animation = sda::report::animation_of(flow_case("averages", {{"every", {2}}, {"coarsen", {4}}}));
  const auto& observations = field(*animation, "observations");
  EXPECT_EQ(observations.scale, field(*animation, "truth").scale);
  EXPECT_EQ(observations.height, 4);
  EXPECT_EQ(observations.width, 4);
  for (std::size_t time = 0; time < 6; ++time) EXPECT_EQ(observations.at(time, 1, 2) == 0, time % 2 == 1) << time;
}

TEST(Animation, LayObservationsBackToWhereTheyWereRead) {
  // One variable alone is no vorticity: u as it was read.
  auto made = flow_case("u", {{"select", {0}}});
  made.observations.parts[0].values = made.observations.parts[0].values.clone().fill_(2);
  auto animation = sda::report::animation_of(made);
  EXPECT_EQ(field(*animation, "observations").height, 16);
  EXPECT_EQ(field(*animation, "observations").at(0, 5, 5), 255);
  EXPECT_NE(field(*animation, "observations").scale, field(*animation, "truth").scale);
  // Not affine: what the operator gives, on its own scale.
  animation = sda::report::animation_of(flow_case("bounded", {{"saturate", {}}}));
  EXPECT_NE(animation->scales[field(*animation, "observations").scale].label.find("own unit"), std::string::npos);
}

TEST(Animation, StayWithinTheirPixels) {
  const auto animation =
      sda::report::animation_of(flow_case("long", {{"every", {4}}, {"coarsen", {4}}}, 40), 8 * 256 * 10);
  EXPECT_EQ(animation->times.size(), 10U);
  EXPECT_NEAR(animation->times[1], 4 * 0.2, exact_float64);
  EXPECT_NE(animation->caption.find("every 4. state"), std::string::npos);
  EXPECT_LE(animation->pictured.size(), 6U);
}

TEST(Animation, OfOneVariableShowItAndOfALineNothing) {
  sda::ReportCase made;
  const sda::StateLayout scalar{.event = {1, 8, 12}, .variables = {{"height", "", "m"}}, .space_names = {"y", "x"}};
  const auto truth = sda::normal({3, 1, 8, 12}, {.seed = 1}, at::kDouble);
  made.observations =
      sda::observe(truth, scalar, sda::Normalisation::identity(scalar.event), {}, sda::GaussianNoise({1}), "all", 1, 0);
  made.posterior = {scalar, truth.unsqueeze(0), 0.0, "SDA"};
  const auto animation = sda::report::animation_of(made);
  ASSERT_TRUE(animation);
  EXPECT_EQ(animation->scales[0].label, "height (m)");
  EXPECT_EQ(field(*animation, "member 1").levels, field(*animation, "truth").levels);
  EXPECT_FALSE(sda::report::statistics_of(made).spectrum);

  auto& mask = made.observations.layout.mask = at::ones({1, 8, 12}, at::kBool);
  mask[0][2][3] = false;  // grey, whatever a member holds there
  EXPECT_EQ(field(*sda::report::animation_of(made), "member 1").at(1, 2, 3), 0);
  EXPECT_NE(field(*animation, "member 1").at(1, 2, 3), 0);

  const sda::StateLayout line{.event = {5}, .variables = {{"x", "", "1"}}, .space_names = {"site"}};
  made.observations.layout = line;
  EXPECT_FALSE(sda::report::animation_of(made));
  EXPECT_THROW(sda::write_gif("line.gif", made), sda::UnsupportedError);
}

TEST(Animation, AreOfEachVariable) {
  sda::ReportCase made;
  const sda::StateLayout ocean{
      .event = {2, 8, 12}, .variables = {{"ssh", "", "m"}, {"sst", "", "K"}}, .space_names = {"y", "x"}};
  const auto truth = sda::normal({3, 2, 8, 12}, {.seed = 1}, at::kDouble);
  made.observations = sda::observe(truth, ocean, sda::Normalisation::identity(ocean.event), {{"select", {1}}},
                                   sda::GaussianNoise({1}), "sst", 1, 0);
  made.posterior = {ocean, truth.unsqueeze(0), 0.0, "SDA"};
  const auto all = sda::report::statistics_of(made).animations;
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].scales[0].label, "ssh (m)");
  EXPECT_EQ(all[1].scales[0].label, "sst (K)");
  EXPECT_THROW(field(all[0], "observations"), std::runtime_error);  // nothing was read of it
  const auto level = field(all[1], "observations").at(2, 3, 4);
  const double value = made.observations.parts[0].values[2][0][3][4].item<double>();
  EXPECT_EQ(level, sda::report::level_of(ColourMap::diverging, value, all[1].scales[0].largest));

  // Colours of what is far from zero begin near its least.
  made.observations.truth = truth.abs() + at::tensor({0.0, 280.0}, at::kDouble).view({2, 1, 1});
  const auto of_one_sign = sda::report::statistics_of(made).animations;
  EXPECT_EQ(of_one_sign[0].scales[0].map, ColourMap::sequential);
  EXPECT_EQ(of_one_sign[0].scales[0].origin, 0);
  EXPECT_EQ(of_one_sign[1].scales[0].map, ColourMap::sequential);
  EXPECT_NEAR(of_one_sign[1].scales[0].origin, 280, 0.5);
  EXPECT_LT(of_one_sign[1].scales[0].largest, 5);

  // Behind a velocity comes what is no velocity.
  auto flow_and_more = flow(8);
  flow_and_more.event = {3, 8, 8};
  flow_and_more.variables.push_back({"log_reynolds", "", "1"});
  EXPECT_EQ(sda::report::shown_quantities(flow_and_more), 2U);
  EXPECT_EQ(sda::report::shown_quantities(flow(8)), 1U);
}

TEST(Figures, SpectrumIsOfResolvedWavenumbers) {
  auto made = flow_case("averages", {{"coarsen", {4}}});
  made.posterior.members = 2 * made.observations.truth.unsqueeze(0);
  const auto figures = sda::report::statistics_of(made);
  ASSERT_TRUE(figures.spectrum);
  EXPECT_EQ(figures.spectrum->times, (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_NE(figures.spectrum_caption.find("4.00 to 4.00 times the energy of the truth"), std::string::npos);
  made.simulated = made.posterior.members;
  const auto against = sda::report::statistics_of(made);
  EXPECT_NE(against.spectrum_caption.find("1.00 to 1.00 times the energy of the simulator"), std::string::npos);
  EXPECT_EQ(against.spectrum->bands.front().role, sda::report::Role::reference_band);
}

TEST(ReportOfFields, HasAStripOfAllTimesForEachField) {
  const sda::test::ScratchFolder scratch;
  const auto folder = scratch.file("report");
  const auto made = flow_case("averages", {{"every", {2}}, {"coarsen", {4}}}, 4);
  sda::write_report(folder, "Flow", {made}, "", {});
  const auto page = sda::test::read_bytes(folder + "/report.html");
  const auto times = made.observations.length, n = made.observations.layout.event[2];
  const auto count = [&](const std::string& text) {
    std::size_t found = 0;
    for (auto at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) ++found;
    return found;
  };
  EXPECT_LT(page.size(), 5'000'000U);
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(count("<svg class=\"window\""), 8U);               // truth, observations, mean, spread, four members
  EXPECT_EQ(count("href=\"data:image/png;base64,"), 8U + 2U);  // and two bars of colours
  EXPECT_EQ(count("<image width=\"" + std::to_string(n) + "\" height=\"" + std::to_string(n * times) + "\""), 7U);
  EXPECT_EQ(count("<input type=\"range\" min=\"0\" max=\"" + std::to_string(times - 1) + "\""), 1U);
  for (const char* tag : {"div", "figure", "section", "svg", "p", "table"}) {
    EXPECT_EQ(count(std::string("<") + tag + ">") + count(std::string("<") + tag + " "),
              count(std::string("</") + tag + ">"))
        << tag;
  }
  const auto begin = page.find("<script type=\"application/json\">") + 32;
  const auto json = nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
  EXPECT_EQ(json["animations"][0]["times"].size(), static_cast<std::size_t>(times));
  EXPECT_EQ(json["animations"][0]["fields"].size(), 8U);
  EXPECT_EQ(json["animations"][0]["scales"][0]["colours"].get<std::string>().size(), 255U * 6);

  EXPECT_GT(fs::file_size(folder + "/averages.png"), 10'000U);
  const auto gif = sda::test::read_bytes(folder + "/averages.gif");
  EXPECT_EQ(gif.substr(0, 6), "GIF89a");
  EXPECT_EQ(gif.back(), ';');                             // the trailer
  EXPECT_NE(gif.find("NETSCAPE2.0"), std::string::npos);  // repeats
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 3);
}

}  // namespace
