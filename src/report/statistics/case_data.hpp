/// One case of a report in double precision, with the times and members that are drawn.
#pragma once

#include <string>
#include <vector>

#include "report/statistics/series.hpp"
#include "sda/report/report.hpp"

namespace sda::report {

/// Members drawn as lines, and states from one drawn point to the next.
struct Detail {
  std::int64_t lines, stride;
};

struct CaseData {
  /// Throws ShapeError or ValueError for members that do not fit the observations or are not finite.
  CaseData(const ReportCase& report_case, const Detail& detail);

  const ReportCase& report_case;
  const Observations& y;
  Tensor posterior;  ///< (member, time, event)
  Tensor reference;  ///< the same; undefined if there is none
  Tensor truth;      ///< (time, event); undefined if it is not known
  std::vector<double> times;
  Tensor kept;                           ///< indices of the times drawn: every `stride`-th, and the last
  std::string method, reference_method;  ///< the latter empty if there is none
  std::int64_t lines;                    ///< members drawn
};

/// Members, (member, time), and truth, (time), of one quantity; the last two may be undefined.
struct Quantity {
  Tensor posterior, reference, truth;
};

/// Everything there is to draw of one quantity over `times`, of which the indices `kept` are drawn.
Panel panel_of(const Quantity& quantity, const std::vector<double>& times, const Tensor& kept, const CaseData& data);
/// 5 to 95 % of the members at each time.
Band band_of(Role role, const std::string& method, const Tensor& members);

std::vector<double> to_vector(const Tensor& values);
/// A unit as a label says it.
std::string unit_text(const std::string& units);
/// Evenly spread indices of at most `max` of `n`.
std::vector<std::int64_t> spread_indices(std::int64_t n, std::int64_t max);

}  // namespace sda::report
