/// The rank histogram and its cumulated form.
#include "sda/report/calibration.hpp"

#include <algorithm>

namespace sda {

std::vector<PlotPanel> calibration_panels(const RankUniformity& ranks) {
  const auto bins = static_cast<double>(ranks.share.size());
  PlotCurve share{.name = "found", .x = {}, .y = {}}, flat{.name = "flat, 95 of 100 times within", .x = {}, .y = {}};
  flat.reference = true;
  PlotCurve below{.name = "found", .x = {0}, .y = {0}}, diagonal{.name = "calibrated", .x = {0, 1}, .y = {0, 1}};
  diagonal.reference = true;
  for (std::size_t b = 0; b < ranks.share.size(); ++b) {
    share.x.push_back((static_cast<double>(b) + 0.5) / bins);
    share.y.push_back(bins * ranks.share[b]);
    flat.x.push_back(share.x.back());
    flat.y.push_back(1);
    const double half = bins * ranks.band * ranks.standard_error[b];
    flat.low.push_back(std::max(0.0, 1 - half));
    flat.high.push_back(1 + half);
    below.x.push_back(static_cast<double>(b + 1) / bins);
    below.y.push_back(below.y.back() + ranks.share[b]);
  }
  return {{.title = "rank of the truth",
           .x_axis = "quantile of the members",
           .y_axis = "share of values over the flat one",
           .curves = {flat, share}},
          {.title = "truths below a quantile",
           .x_axis = "quantile of the members",
           .y_axis = "share",
           .curves = {diagonal, below}}};
}

}  // namespace sda
