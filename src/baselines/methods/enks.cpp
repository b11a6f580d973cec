// The ensemble Kalman smoother (Evensen & van Leeuwen 2000), with a lag.
//
// An analysis E ← Θ E by the observations of one state is one of the whole past trajectory too, for members are
// trajectories: the same Θ goes to every state back to the `lag`-th analysis before. Θ is that of any ensemble Kalman
// filter; so is a rotation. Inflation is of the present state alone, else the past would be inflated again and again.
#include <algorithm>
#include <cmath>

#include "baselines/cycling/cycling.hpp"

namespace sda {
namespace {

BaselineResult enks(const CyclingProblem& problem) {
  const auto& p = problem.parameters();
  const auto& observed = problem.observed();
  std::vector<Matrix> past;  // states from `begin` on
  std::int64_t begin = 0;
  std::size_t analysis = 0;
  double inflation = 0;
  Record smoothed(problem, p.members);
  const auto settle = [&](std::int64_t end) {  // states before `end` change no more
    const auto count = std::clamp<std::int64_t>(end - begin, 0, std::ssize(past));
    for (std::int64_t i = 0; i < count; ++i) smoothed.put(begin + i, past[static_cast<std::size_t>(i)]);
    past.erase(past.begin(), past.begin() + count);
    begin += count;
  };
  const auto analyse = [&](Matrix& e, std::int64_t state) {
    const auto back = static_cast<std::int64_t>(analysis++) - problem.lag();
    if (back > 0) settle(observed[static_cast<std::size_t>(back)]);
    const Transform found = transform_of(problem, p.update, problem.see(e, state), state);
    inflation += found.inflation;
    Matrix theta = found.theta;
    if (p.rotation) theta = random_rotation(problem, e.rows(), state) * theta;
    for (Matrix& earlier : past) earlier = theta * earlier;
    e = theta * e;
    inflate(problem, e);
  };
  const std::string title = std::string("EnKS (") + title_of(p.update) + ")";
  BaselineResult result =
      filter(problem, problem.first(p.members), title, analyse, [&](Matrix& e, std::int64_t) { past.push_back(e); });
  settle(problem.length());
  result.filtered.method = title_of(p.update);
  result.smoothed = smoothed.ensemble(title);
  result.mean_inflation = inflation / static_cast<double>(observed.size());
  return result;
}

}  // namespace

BaselineMethod enks_method();
BaselineMethod enks_method() {
  return {
      .name = "enks",
      .help = "ensemble Kalman smoother (Evensen & van Leeuwen 2000): members, update, lag (20), inflation, rotation",
      .lag = 20,
      .tuned = {&BaselineParameters::inflation},
      .run = enks};
}

}  // namespace sda
