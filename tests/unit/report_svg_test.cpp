/// The renderer of figures: elements, axes, pixels, animated pictures.
#include <gif_lib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "report/axes.hpp"
#include "report/gif.hpp"
#include "report/png.hpp"
#include "report/raster.hpp"
#include "report/svg.hpp"
#include "sda/core/error.hpp"

namespace {

using sda::report::Drawing;
using testing::HasSubstr;

TEST(Svg, TextIsEscapedAndLengthsAreShort) {
  EXPECT_EQ(sda::report::text_element("name", 1.25, 30, "a < b & \"c\""),
            "<text class=\"name\" x=\"1.3\" y=\"30\">a &lt; b &amp; &quot;c&quot;</text>");
  EXPECT_EQ(sda::report::length_text(-0.04), "0");
  EXPECT_EQ(sda::report::length_text(99.96), "100");
}

TEST(Svg, DrawingsGrowToHoldWhatIsPlaced) {
  Drawing page{.width = 10, .height = 10};
  page.place({5, 20, "<path/>"}, 8, 10);
  EXPECT_EQ(page.width, 13);
  EXPECT_EQ(page.height, 30);
  EXPECT_THAT(page.body, HasSubstr("<g transform=\"translate(8 10)\"><path/></g>"));
}

TEST(Svg, ParagraphsBreakAtSpaces) {
  EXPECT_THAT(sda::report::wrapped("one two three", 7), testing::ElementsAre("one two", "three"));
  EXPECT_THAT(sda::report::wrapped("déjà vu", 7), testing::ElementsAre("déjà vu"));
  EXPECT_THAT(sda::report::wrapped("unbreakable", 3), testing::ElementsAre("unbreakable"));
  EXPECT_EQ(sda::report::paragraph("caption", "", 100, 10).height, 0);
  EXPECT_EQ(sda::report::paragraph("caption", "one two three", 7 * 6, 10).height, 2 * 15);
}

TEST(Axes, TicksAreRound) {
  EXPECT_THAT(sda::report::ticks(-18.3, 19.9, 4), testing::ElementsAre(-10, 0, 10));
  EXPECT_THAT(sda::report::ticks(0, 1.6, 8).size(), 9U);
  EXPECT_EQ(sda::report::tick_text(-0.30000000000000004, 0.1), "−0.3");
  EXPECT_EQ(sda::report::tick_text(-10, 10), "−10");
}

TEST(Axes, LogarithmsHaveMarksAtPowersOfTenAndRoundOnesBetween) {
  using sda::report::Mark;
  const auto texts = [](const std::vector<Mark>& marks) {
    std::vector<std::string> all;
    for (const auto& m : marks) all.push_back(m.text);
    return all;
  };
  EXPECT_THAT(texts(sda::report::marks_of({0.01, 100, true}, 6)),
              testing::ElementsAre("0.01", "0.1", "1", "10", "100"));
  EXPECT_THAT(texts(sda::report::marks_of({1, 8, true}, 6)), testing::ElementsAre("1", "2", "5"));
  EXPECT_THAT(texts(sda::report::marks_of({0.1, 1, true}, 6)), testing::ElementsAre("0.1", "0.2", "0.5", "1"));
  // Of more powers than there is room for, every other one is named; beyond what is read at a glance, as powers.
  EXPECT_THAT(texts(sda::report::marks_of({1e-6, 1, true}, 4)),
              testing::ElementsAre(testing::HasSubstr("−6</tspan>"), "", testing::HasSubstr("−4</tspan>"), "", "0.01",
                                   "", "1"));
}

TEST(Axes, LinesBreakWhereAValueHasNoPlace) {
  const sda::report::Frame frame{.left = 0, .top = 0, .width = 100, .height = 10, .x = {0, 10}, .y = {1, 100, true}};
  EXPECT_EQ(sda::report::line_through(frame, {0, 1, 2, 3, 10}, {1, 10, 0, 10, 100}), "M0 10L10 5M30 5L100 0");
  EXPECT_EQ(sda::report::points_at(frame, {0, 5}, {-1, 10}), "M50 5h0");
  EXPECT_EQ(sda::report::bars_at(frame, {5}, {50.5}, {49.5}), "M50 10V0");
}

TEST(Raster, PixelsAreTheDrawingsOnWhite) {
  const Drawing drawing{2, 1, "<rect width=\"1\" height=\"1\" fill=\"#ff8000\"/>"};
  const auto pixels = sda::report::rendered(drawing, 2);
  EXPECT_EQ(pixels.width, 4);
  EXPECT_EQ(pixels.height, 2);
  EXPECT_THAT(pixels.colours, testing::ElementsAre(0xFF8000, 0xFF8000, 0xFFFFFF, 0xFFFFFF,  //
                                                   0xFF8000, 0xFF8000, 0xFFFFFF, 0xFFFFFF));
}

TEST(Raster, WhatADrawingDoesNotCoverIsWhite) {
  const auto pixels = sda::report::rendered({10, 3.3, ""}, 1.5);  // 15 by 5 pixels: no whole number of the drawing's
  EXPECT_THAT(pixels.colours, testing::Each(0xFFFFFF));
}

TEST(Raster, CellsOfAnImageKeepTheirColoursAndTheWindowShowsTheFirstFrame) {
  // Two frames below one another, of one cell each; drawn at their own size, nothing is smoothed.
  const auto png = sda::report::indexed_png(1, 2, {0, 1}, {{{10, 20, 30}}, {{200, 100, 0}}});
  const Drawing drawing{1, 1, sda::report::image_window("window", png, 1, 1, 2, 0, 0, 1, 1)};
  EXPECT_THAT(sda::report::rendered(drawing, 1).colours, testing::ElementsAre(0x0A141E));
}

TEST(Raster, StylesHaveTheColoursOnWhite) {
  const auto css = sda::report::figure_style();
  EXPECT_EQ(css.find("var("), std::string::npos);
  EXPECT_THAT(css, HasSubstr(".truth { stroke: #111417;"));
  const Drawing drawing{1, 1, "<rect class=\"bar posterior-mean\" width=\"1\" height=\"1\"/>"};
  EXPECT_THAT(sda::report::rendered(drawing, 1).colours, testing::ElementsAre(0x0072B2));
}

TEST(Raster, RefusesWhatIsNoSvg) {
  EXPECT_THROW(sda::report::rendered({1, 1, "<path"}, 1), sda::NumericalError);
}

TEST(Gif, FramesAreWhatWasDrawn) {
  // Red and blue change places; white stays.
  const auto frame = [](std::size_t i) {
    return sda::report::Pixels{3, 1,
                               i == 0 ? std::vector<std::uint32_t>{0xFF0000, 0x0000FF, 0xFFFFFF}
                                      : std::vector<std::uint32_t>{0x0000FF, 0xFF0000, 0xFFFFFF}};
  };
  const auto bytes = sda::report::animated_gif(2, frame, 15, {{{255, 0, 0}}, {{0, 0, 255}}});
  std::size_t read = 0;
  std::pair<const std::string*, std::size_t*> source{&bytes, &read};
  int error = 0;
  GifFileType* gif = DGifOpen(
      &source,
      [](GifFileType* file, GifByteType* to, int count) {
        auto& [all, at] = *static_cast<std::pair<const std::string*, std::size_t*>*>(file->UserData);
        const auto n = std::min<std::size_t>(static_cast<std::size_t>(count), all->size() - *at);
        std::copy_n(all->begin() + static_cast<std::ptrdiff_t>(*at), n, to);
        *at += n;
        return static_cast<int>(n);
      },
      &error);
  ASSERT_NE(gif, nullptr);
  ASSERT_EQ(DGifSlurp(gif), GIF_OK);
  ASSERT_EQ(gif->ImageCount, 2);
  std::vector<int> shown(3, 0xFFFFFF);
  std::vector<std::vector<int>> frames;
  for (int i = 0; i < 2; ++i) {
    GraphicsControlBlock control;
    ASSERT_EQ(DGifSavedExtensionToGCB(gif, i, &control), GIF_OK);
    EXPECT_EQ(control.DelayTime, 15);
    for (std::size_t p = 0; p < 3; ++p) {
      const int place = gif->SavedImages[i].RasterBits[p];
      if (place == control.TransparentColor) continue;
      const auto& c = gif->SColorMap->Colors[place];
      shown[p] = c.Red << 16 | c.Green << 8 | c.Blue;
    }
    frames.push_back(shown);
  }
  EXPECT_EQ(frames[0], (std::vector<int>{0xFF0000, 0x0000FF, 0xFFFFFF}));
  EXPECT_EQ(frames[1], (std::vector<int>{0x0000FF, 0xFF0000, 0xFFFFFF}));
  DGifCloseFile(gif, &error);
}

}  // namespace
