/// Background check: values that the data hold impossible, of variables and of formulas of them.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "core/torch.hpp"
#include "data/observations/missing.hpp"
#include "data/observations/screen.hpp"
#include "sda/core/random.hpp"
#include "sda/observation/operator.hpp"

namespace sda::io {
namespace {

/// Deviations from the mean beyond which a number that stands for none elsewhere is none here too.
constexpr double beyond_doubt = 3;

/// A variable's mean and deviation over time and space.
struct Climate {
  double mean = 0, deviation = 1;
};

Climate climate_of(const Normalisation& normalisation, const StateLayout& layout, std::size_t variable) {
  const auto of_variable = [&](const Tensor& all) {
    const Tensor values = all.to(at::kDouble);
    return layout.channels_are_variables() ? values.select(0, static_cast<std::int64_t>(variable)) : values;
  };
  const Tensor means = of_variable(normalisation.mean), deviations = of_variable(normalisation.std);
  const Tensor variance = deviations.square().mean() + (means - means.mean()).square().mean();
  return {.mean = means.mean().item<double>(), .deviation = std::sqrt(variance.item<double>())};
}

/// What a formula can be of: values at states all of whose numbers are within so many deviations of their means. Half
/// of the states tried are the same everywhere, for formulas of means; half differ from point to point, for
/// derivatives. Half are corners, where extremes are; the others lie from next to the means to all over, for a length
/// or a square is least within. Nothing where no value is finite.
Extent range_of_formula(const std::string& formula, const ExpectedObservations& expected,
                        const Normalisation& normalisation, double deviations) {
  constexpr std::int64_t tries = 64;
  const StateLayout& layout = expected.layout;
  OperatorLink link{"expression", {}};
  link.text = formula;
  const auto op = make_operator({{"physical", {}}, link}, layout, normalisation);
  Shape everywhere(layout.event.size(), 1);
  if (layout.channels_are_variables()) everywhere.front() = layout.event.front();
  Extent range;
  for (std::int64_t i = 0; i < tries; ++i) {
    const StreamKey key{.seed = 0, .purpose = Purpose::evaluation, .first_member = static_cast<std::uint64_t>(i)};
    Tensor x = 2 * uniform(prepend({1}, i % 2 == 0 ? everywhere : layout.event), key, at::kDouble) - 1;
    x = i % 4 < 2 ? x.sign() : x * (static_cast<double>(i) / tries);
    const Tensor values = op->read((deviations * x).expand(prepend({1}, layout.event)).contiguous());
    const Tensor finite = values.masked_select(values.isfinite());
    if (finite.numel() == 0) continue;
    range.take(finite.min().item<double>());
    range.take(finite.max().item<double>());
  }
  return range;
}

/// How far values of each observable may be from what the data are like.
class Background {
 public:
  Background(const ExpectedObservations& expected, const Normalisation& normalisation)
      : expected_(expected), normalisation_(normalisation) {
    for (std::size_t v = 0; v < expected.layout.variables.size(); ++v)
      climate_.push_back(climate_of(normalisation, expected.layout, v));
  }

  bool is_within(std::size_t observable, double value, double deviations) {
    if (observable < climate_.size())
      return std::abs(value - climate_[observable].mean) / climate_[observable].deviation <= deviations;
    auto& ranges = ranges_[deviations];
    auto range = ranges.find(observable);
    if (range == ranges.end()) {
      const auto& formula = expected_.observables[observable].formula;
      range = ranges.emplace(observable, range_of_formula(formula, expected_, normalisation_, deviations)).first;
    }
    const auto& [min, max] = range->second;
    return min > max || (value >= min && value <= max);
  }

 private:
  const ExpectedObservations& expected_;
  const Normalisation& normalisation_;
  std::vector<Climate> climate_{};
  std::map<double, std::map<std::size_t, Extent>> ranges_{};  ///< of formulas, by deviations
};

}  // namespace

void reject_far_from_background(ScreenedObservations& some, const ObservationTable& table,
                                const ExpectedObservations& expected, const Normalisation& normalisation) {
  const double max = expected.parameters.background_check;
  if (max == 0) return;
  Background background(expected, normalisation);
  const auto rejection_of = [&](std::size_t row) -> std::optional<Rejection> {
    const auto observable = table.variable[row];
    const double value = table.value[row];
    if (!background.is_within(observable, value, max)) return Rejection::background;
    const bool is_none = is_sentinel(value) && !background.is_within(observable, value, beyond_doubt);
    return is_none ? std::optional(Rejection::sentinel) : std::nullopt;
  };
  std::vector<std::size_t> kept;
  kept.reserve(some.rows.size());
  for (std::size_t i = 0; i < some.rows.size(); ++i) {
    if (const auto why = rejection_of(some.rows[i])) {
      some.reject(table, some.rows[i], *why);
    } else {
      kept.push_back(i);
    }
  }
  some.keep(kept);
}

}  // namespace sda::io
