/// SVG → librsvg → Cairo surface → PNG.
#include "report/raster.hpp"

#include <cairo.h>
#include <librsvg/rsvg.h>

#include <cmath>
#include <cstring>
#include <memory>

#include "report/assets.hpp"
#include "report/files.hpp"
#include "report/png.hpp"
#include "sda/core/error.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda::report {
namespace {

struct Unref {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
  void operator()(void* of_glib) const { g_object_unref(of_glib); }
};
using Surface = std::unique_ptr<cairo_surface_t, Unref>;

[[noreturn]] void refuse_drawing(const std::string& why) {
  throw NumericalError({.what = "a drawing cannot be made a picture", .where = "report", .found = why});
}

[[noreturn]] void refuse_drawing(GError* error) {
  const std::string why = error != nullptr ? error->message : "no message";
  g_clear_error(&error);
  refuse_drawing(why);
}

Surface surface_of(const Drawing& drawing, double scale) {
  const auto document = svg_document(drawing, figure_style(), scale);
  GError* error = nullptr;
  const std::unique_ptr<GInputStream, Unref> stream(
      g_memory_input_stream_new_from_data(document.data(), static_cast<gssize>(document.size()), nullptr));
  // UNLIMITED: pictures inside are longer than what libxml2 allows an attribute otherwise.
  const std::unique_ptr<RsvgHandle, Unref> handle(
      rsvg_handle_new_from_stream_sync(stream.get(), nullptr, RSVG_HANDLE_FLAG_UNLIMITED, nullptr, &error));
  if (!handle) refuse_drawing(error);
  const double width = std::round(scale * drawing.width), height = std::round(scale * drawing.height);
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width), static_cast<int>(height)));
  const std::unique_ptr<cairo_t, Unref> context(cairo_create(surface.get()));
  cairo_set_source_rgb(context.get(), 1, 1, 1);
  cairo_paint(context.get());
  const RsvgRectangle page{0, 0, width, height};
  if (rsvg_handle_render_document(handle.get(), context.get(), &page, &error) == FALSE) refuse_drawing(error);
  cairo_surface_flush(surface.get());
  if (const auto status = cairo_surface_status(surface.get()); status != CAIRO_STATUS_SUCCESS) {
    refuse_drawing(cairo_status_to_string(status));
  }
  return surface;
}

cairo_status_t append_bytes(void* text, const unsigned char* bytes, unsigned int count) {
  static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(bytes), count);
  return CAIRO_STATUS_SUCCESS;
}

/// The first value of --name in the page's style sheet: that on white.
std::string light_colour(std::string_view name) {
  const auto declared = std::string(name) + ": ";
  const auto at = page_css.find(declared);
  if (at == std::string_view::npos) refuse_drawing("no colour " + std::string(name));
  const auto from = at + declared.size();
  return std::string(page_css.substr(from, page_css.find(';', from) - from));
}

}  // namespace

std::string figure_style() {
  std::string css(figure_css);
  for (auto at = css.find("var("); at != std::string::npos; at = css.find("var(", at)) {
    const auto end = css.find(')', at);
    css.replace(at, end + 1 - at, light_colour(css.substr(at + 4, end - at - 4)));
  }
  return css;
}

Pixels rendered(const Drawing& drawing, double scale) {
  const auto surface = surface_of(drawing, scale);
  Pixels pixels{.width = cairo_image_surface_get_width(surface.get()),
                .height = cairo_image_surface_get_height(surface.get()),
                .colours = {}};
  pixels.colours.resize(static_cast<std::size_t>(pixels.width * pixels.height));
  const auto* row = cairo_image_surface_get_data(surface.get());
  for (std::int64_t y = 0; y < pixels.height; ++y, row += cairo_image_surface_get_stride(surface.get())) {
    std::memcpy(pixels.colours.data() + y * pixels.width, row, static_cast<std::size_t>(4 * pixels.width));
  }
  for (auto& c : pixels.colours) c &= 0xFFFFFFU;
  return pixels;
}

void draw_png(const Drawing& drawing, double scale, const std::string& title, const Provenance& provenance,
              const std::string& path) {
  std::string png;
  const auto surface = surface_of(drawing, scale);
  if (const auto status = cairo_surface_write_to_png_stream(surface.get(), append_bytes, &png);
      status != CAIRO_STATUS_SUCCESS) {
    refuse_drawing(cairo_status_to_string(status));
  }
  write_file(path, with_text(png,
                             {{"Title", title},
                              {"Software", "sda " + provenance.version},
                              {"Creation Time", provenance.created},
                              {"sda_command", provenance.command},
                              {"sda_seed", std::to_string(provenance.seed)},
                              {"sda_config", provenance.config}},
                             path));
}

}  // namespace sda::report
