/// GIF89a (CompuServe 1990), with the looping extension NETSCAPE2.0. Pixels that stay are transparent, which compresses
/// well: each frame is drawn over the one before.
#include "report/gif.hpp"

#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>

#include "sda/core/error.hpp"

namespace sda::report {
namespace {

constexpr std::size_t palette_size = 256, greys = 24;
constexpr int transparent = 255;

using Colour = std::array<std::uint8_t, 3>;

/// Greys for letters and lines, then every n-th of the colours that matter.
std::vector<Colour> thinned(const std::vector<Colour>& colours) {
  std::vector<Colour> palette;
  for (std::size_t i = 0; i < greys; ++i) {
    const auto grey = static_cast<std::uint8_t>(255 * i / (greys - 1));
    palette.push_back({grey, grey, grey});
  }
  const auto room = palette_size - 1 - greys;
  const auto kept = std::min(room, colours.size());
  for (std::size_t i = 0; i < kept; ++i) palette.push_back(colours[i * colours.size() / kept]);
  return palette;
}

/// Places in a palette of the colours nearest to others, remembered.
class NearestColour {
 public:
  explicit NearestColour(std::vector<Colour> palette) : palette_(std::move(palette)) {}

  GifByteType operator()(std::uint32_t rgb) {
    const auto [at, is_new] = found_.try_emplace(rgb);
    if (is_new) at->second = search(rgb);
    return at->second;
  }
  const std::vector<Colour>& palette() const { return palette_; }

 private:
  GifByteType search(std::uint32_t rgb) const {
    const auto distance = [rgb](const Colour& c) {
      const int red = static_cast<int>(rgb >> 16U & 255U) - c[0], green = static_cast<int>(rgb >> 8U & 255U) - c[1],
                blue = static_cast<int>(rgb & 255U) - c[2];
      return red * red + green * green + blue * blue;
    };
    const auto nearest = std::min_element(palette_.begin(), palette_.end(),
                                          [&](const Colour& a, const Colour& b) { return distance(a) < distance(b); });
    return static_cast<GifByteType>(nearest - palette_.begin());
  }

  std::vector<Colour> palette_;
  std::unordered_map<std::uint32_t, GifByteType> found_;
};

int append_to_text(GifFileType* file, const GifByteType* bytes, int count) {
  static_cast<std::string*>(file->UserData)
      ->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
  return count;
}

struct CloseGif {
  void operator()(GifFileType* file) const {
    int ignored = 0;
    EGifCloseFile(file, &ignored);
  }
};

void expect_ok(int status) {
  if (status == GIF_OK) return;
  throw NumericalError({.what = "an animation cannot be written", .where = "report", .found = "giflib refuses"});
}

void write_header(GifFileType* file, const Pixels& size, const std::vector<Colour>& palette) {
  const std::unique_ptr<ColorMapObject, void (*)(ColorMapObject*)> map(GifMakeMapObject(palette_size, nullptr),
                                                                       GifFreeMapObject);
  for (std::size_t i = 0; i < palette_size; ++i) {
    const auto c = i < palette.size() ? palette[i] : Colour{255, 255, 255};
    map->Colors[i] = {c[0], c[1], c[2]};
  }
  EGifSetGifVersion(file, true);
  expect_ok(EGifPutScreenDesc(file, static_cast<int>(size.width), static_cast<int>(size.height), 8, 0, map.get()));
  expect_ok(EGifPutExtensionLeader(file, APPLICATION_EXT_FUNC_CODE));
  expect_ok(EGifPutExtensionBlock(file, 11, "NETSCAPE2.0"));
  const std::array<GifByteType, 3> for_ever{1, 0, 0};
  expect_ok(EGifPutExtensionBlock(file, 3, for_ever.data()));
  expect_ok(EGifPutExtensionTrailer(file));
}

void write_frame(GifFileType* file, const Pixels& size, const std::vector<GifByteType>& pixels, int hundredths) {
  const GraphicsControlBlock control{
      .DisposalMode = DISPOSE_DO_NOT, .UserInputFlag = false, .DelayTime = hundredths, .TransparentColor = transparent};
  std::array<GifByteType, 4> bytes{};
  EGifGCBToExtension(&control, bytes.data());
  expect_ok(EGifPutExtension(file, GRAPHICS_EXT_FUNC_CODE, bytes.size(), bytes.data()));
  const auto width = static_cast<int>(size.width), height = static_cast<int>(size.height);
  expect_ok(EGifPutImageDesc(file, 0, 0, width, height, false, nullptr));
  auto row = pixels;  // giflib masks what it is given in place
  for (int y = 0; y < height; ++y) expect_ok(EGifPutLine(file, row.data() + std::ptrdiff_t{y} * width, width));
}

}  // namespace

std::string animated_gif(std::size_t frames, const std::function<Pixels(std::size_t)>& frame, int hundredths,
                         const std::vector<std::array<std::uint8_t, 3>>& colours) {
  std::string bytes;
  int error = 0;
  std::unique_ptr<GifFileType, CloseGif> file(EGifOpen(&bytes, append_to_text, &error));
  if (!file) expect_ok(GIF_ERROR);
  NearestColour nearest(thinned(colours));
  std::vector<GifByteType> shown;
  for (std::size_t i = 0; i < frames; ++i) {
    const auto pixels = frame(i);
    std::vector<GifByteType> now, changed;
    for (const auto c : pixels.colours) now.push_back(nearest(c));
    if (i == 0) write_header(file.get(), pixels, nearest.palette());
    changed = now;
    for (std::size_t p = 0; p < shown.size(); ++p) {
      if (now[p] == shown[p]) changed[p] = transparent;
    }
    write_frame(file.get(), pixels, changed, hundredths);
    shown = std::move(now);
  }
  expect_ok(EGifCloseFile(file.release(), &error));  // writes the trailer
  return bytes;
}

}  // namespace sda::report
