/// Whether members explain their observations, by χ² with its sampling error.
///
/// What is expected. Given y, a member of a right analysis and the truth are draws of one distribution p(x | y); so
/// (member, y) has the distribution of (truth, y), and a member's departures y − A(x) that of the noise itself: Σ z² of
/// n standardised departures is χ²_n, whatever the prior, the operator and the number of observations. (The ensemble's
/// mean fits closer, by the members' spread; it is not what is judged here.) Members of one y depend on each other, but
/// the mean of their Σ z² is below χ²_n in convex order, which bounds its tail: it exceeds the quantile that χ²_n
/// exceeds with probability p no oftener than about e p (Rüschendorf 1982; Meng 1994 for posterior predictive checks).
/// Only an excess is a fault. Networks and samplers are approximations: an excess of half of what is expected is
/// tolerated, however many observations would prove it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sda/observation/observations.hpp"

namespace sda {

/// P(χ²_n > `chi_square`), n ≥ 1 degrees of freedom.
double chi_square_tail(double chi_square, std::int64_t n);

/// A set of observations judged together.
struct Misfit {
  std::string of;                 ///< "all", "temperature", "site 3", "time 1.5"
  std::int64_t observations = 0;  ///< n
  double chi_square = 0;          ///< Σ z² / n, mean over members: 1 where right, ± √(2 / n)

  /// How likely so much is, were it expected to be `expected` per observation.
  double tail(double expected) const;
};

enum class ObservationGrouping { variable, place, time };
constexpr auto choice_names(ObservationGrouping) {
  return std::array{"variable", "place", "time"};
}

/// How the observations are grouped.
struct MisfitGroups {
  ObservationGrouping by = ObservationGrouping::variable;
  std::vector<Misfit> excess{};  ///< groups that departures exceed, the largest χ² per observation first
  std::int64_t groups = 0;       ///< that were judged
  bool explains = false;         ///< whether all others fit, and they are half of the observations or more
};

struct MisfitSummary {
  Misfit all;
  std::vector<MisfitGroups> by{};  ///< of each kind that has more than one group
  bool is_excess = false;          ///< all together
  double farthest = 0;             ///< the largest |x| of the members, in standard deviations of the data

  /// Whether all together or any group exceeds what is expected.
  bool any_excess() const;
};

/// Of members (member, length, …event), normalised. Noise that is not Gaussian has outliers: each of its departures
/// counts for 4 deviations at most. Throws ShapeError as Observations::apply.
MisfitSummary misfit(const Observations& observations, const Tensor& members);

/// The same of members that come some at a time.
class MisfitOfMembers {
 public:
  explicit MisfitOfMembers(const Observations& observations) : observations_(observations) {}
  /// Members (some, length, …event), normalised.
  void add(const Tensor& members);
  /// Of all of them; there must be some.
  MisfitSummary summary() const;

 private:
  const Observations& observations_;
  Tensor squares_;  ///< (observation): Σ z² over members
  std::int64_t members_ = 0;
  double farthest_ = 0;
};

/// What is wrong and what likely did it, a sentence or two: "members miss 480 observations by …". Empty where nothing
/// is.
std::string in_words(const MisfitSummary& summary);

/// Throws NumericalError with `hint` where members are no analysis: they miss the observations by more than three times
/// what is expected, or some value is farther than `range` standard deviations from the data's mean.
void require_explained(const MisfitSummary& summary, double range, const std::string& hint);

}  // namespace sda
