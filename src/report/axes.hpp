/// Axes: scales with round marks, and the frame that lays values out on a drawing.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/svg.hpp"

namespace sda::report {

/// Round tick values within low … high, about `count` of them.
std::vector<double> ticks(double low, double high, int count);
/// A tick's text: as many decimals as its neighbours need.
std::string tick_text(double value, double step);

/// A mark of an axis. Its text is SVG, so that powers of ten may be raised; empty for a mark without text.
struct Mark {
  double value = 0;
  std::string text;
};

/// Values from `first` to `last`, linear or by their logarithm; both positive then.
struct Scale {
  double first = 0, last = 1;
  bool logarithmic = false;

  /// 0 at `first`, 1 at `last`; NaN where a logarithm is not.
  double share(double value) const;
};

/// Marks at round values, about `count` of them; on a logarithmic scale at powers of ten, and at 2 and 5 times these
/// where the scale holds less than three.
std::vector<Mark> marks_of(const Scale& scale, int count);
/// Marks at these values of a logarithmic scale.
std::vector<Mark> marks_at(const std::vector<double>& values);
/// The scale that holds the values and ends at marks: at powers of ten if it is logarithmic.
Scale scale_around(double low, double high, bool logarithmic);

/// A plot's area on a drawing and what lies along its edges.
struct Frame {
  double left = 0, top = 0, width = 1, height = 1;
  Scale x, y;

  /// Pixels from the left and the upper edge of the area.
  double across(double value) const { return width * x.share(value); }
  double down(double value) const { return height * (1 - y.share(value)); }
};

/// Path data of a line through points, broken where a value has no place.
std::string line_through(const Frame& frame, const std::vector<double>& x, const std::vector<double>& y);
/// Path data of the area between two lines.
std::string area_between(const Frame& frame, const std::vector<double>& x, const std::vector<double>& low,
                         const std::vector<double>& high);
/// Path data of a point each: an empty line, to be drawn with round ends.
std::string points_at(const Frame& frame, const std::vector<double>& x, const std::vector<double>& y);
/// Path data of a line up and down each: values ± errors.
std::string bars_at(const Frame& frame, const std::vector<double>& x, const std::vector<double>& y,
                    const std::vector<double>& errors);

/// What stands around the area of a plot.
struct AxesText {
  std::string title, subtitle{}, x_name{}, y_name{};
};

/// Grid, marks and names, with what is drawn in the area. The class of the area is `style`: one that clips, or the
/// "open-area", whose points may stand on its edges.
std::string axes(const Frame& frame, const std::vector<Mark>& x_marks, const std::vector<Mark>& y_marks,
                 const AxesText& text, const std::string& inside, const std::string& style = "area");
/// Marks and names alone, outside of the area.
std::string x_axis(const Frame& frame, const std::vector<Mark>& marks, const std::string& name);
std::string y_axis(const Frame& frame, const std::vector<Mark>& marks, const std::string& name);

}  // namespace sda::report
