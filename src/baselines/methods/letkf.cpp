// The local ensemble transform Kalman filter (Hunt, Kostelich & Szunyogh 2007), with the taper of Gaspari & Cohn
// (1999).
//
// Each point of the grid has an analysis of its own, the ETKF's, by the observations near it. An observation's error
// variance is divided by its weight there, so that its influence ends smoothly: whitened anomalies and departures are
// multiplied by √weight. Neighbours see nearly the same observations, and the symmetric square root changes nearly the
// same, so the members stay smooth. Points are shared out over the threads.
#include <cmath>
#include <map>

#include "baselines/cycling/localisation.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

using Neighbourhoods = std::vector<std::vector<NearObservation>>;

SeenEnsemble nearby(const SeenEnsemble& all, const std::vector<NearObservation>& near) {
  SeenEnsemble local{.anomalies = Matrix(all.anomalies.rows(), std::ssize(near)),
                     .departure = Vector(std::ssize(near))};
  for (Eigen::Index j = 0; j < std::ssize(near); ++j) {
    const auto& [index, weight] = near[static_cast<std::size_t>(j)];
    local.anomalies.col(j) = std::sqrt(weight) * all.anomalies.col(index);
    local.departure[j] = std::sqrt(weight) * all.departure[index];
  }
  return local;
}

BaselineResult letkf(const CyclingProblem& problem) {
  const auto& p = problem.parameters();
  if (problem.dynamics().solver_event() != problem.dynamics().layout().event) {
    throw UnsupportedError({.what = "localisation needs a dynamics that goes on the states which are observed",
                            .where = "letkf",
                            .found = problem.dynamics().name() + ", on a solver's own grid",
                            .hint = "take etkf with more members"});
  }
  std::map<std::vector<const void*>, Neighbourhoods> known;  // instruments observe the same places each time
  const auto analyse = [&](Matrix& e, std::int64_t state) {
    std::vector<const void*> who;
    for (const auto* part : problem.parts(state)) who.push_back(part);
    auto found = known.find(who);
    if (found == known.end()) found = known.emplace(who, near_observations(problem, state, p.radius)).first;
    const SeenEnsemble seen = problem.see(e, state);
    const Neighbourhoods& near = found->second;
    // A variable's values of all points follow each other.
    const auto points = std::ssize(near), variables = e.cols() / points;
    at::parallel_for(0, points, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        if (near[static_cast<std::size_t>(i)].empty()) continue;
        const Matrix theta = symmetric_square_root(nearby(seen, near[static_cast<std::size_t>(i)])).theta;
        for (std::int64_t v = 0; v < variables; ++v) {
          const Vector old = e.col(v * points + i);
          e.col(v * points + i) = theta * old;
        }
      }
    });
    rotate_and_inflate(problem, e, state);
  };
  return filter(problem, problem.first(p.members), "LETKF", analyse);
}

}  // namespace

BaselineMethod letkf_method();
BaselineMethod letkf_method() {
  return {.name = "letkf",
          .help =
              "local ensemble transform Kalman filter (Hunt 2007, Gaspari & Cohn 1999), of states in space: members, "
              "radius, inflation, rotation",
          .tuned = {&BaselineParameters::inflation, &BaselineParameters::radius},
          .run = letkf};
}

}  // namespace sda
