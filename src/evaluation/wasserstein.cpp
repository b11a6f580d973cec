/// W1 between two sample sets: min Σ_ij P_ij ‖a_i − b_j‖ over couplings P with row sums 1/n and column sums 1/m, a
/// minimum-cost flow on the complete bipartite graph, solved exactly by LEMON's network simplex.
#include <lemon/network_simplex.h>
#include <lemon/static_graph.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/evaluation/metrics.hpp"

namespace sda {
namespace {

using Graph = lemon::StaticDigraph;
using Simplex = lemon::NetworkSimplex<Graph, std::int64_t, std::int64_t>;

/// The complete bipartite graph: nodes 0 … n−1 are samples of a, n … n+m−1 of b; arc i m + j goes from a_i to b_j.
Graph bipartite(std::int64_t n, std::int64_t m) {
  std::vector<std::pair<int, int>> arcs;
  arcs.reserve(static_cast<std::size_t>(n * m));
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < m; ++j) arcs.emplace_back(i, static_cast<int>(n) + j);
  }
  Graph graph;
  graph.build(static_cast<int>(n + m), arcs.begin(), arcs.end());
  return graph;
}

/// Scale from costs to integers: 1e12 for the largest, less where a path through all nodes, or the simplex's
/// artificial arcs (cost × nodes), could leave 64 bits.
double integer_scale(double largest, std::int64_t nodes) {
  const double room = std::ldexp(1.0, 60) / (2.0 * static_cast<double>(nodes));
  return std::min(1e12, room) / largest;
}

Tensor flattened(const Tensor& samples, const char* name) {
  if (!samples.defined() || samples.dim() < 1 || samples.numel() == 0) {
    throw ShapeError({.what = std::string("sample set ") + name + " is empty", .where = "earth mover's distance"});
  }
  Tensor flat = samples.detach().to(at::kDouble).reshape({samples.size(0), -1});
  if (!at::isfinite(flat).all().item<bool>()) {
    throw ValueError({.what = std::string("sample set ") + name + " is not finite",
                      .where = "earth mover's distance",
                      .expected = "finite numbers"});
  }
  return flat;
}

}  // namespace

double wasserstein1(const Tensor& a, const Tensor& b) {
  const Tensor x = flattened(a, "a"), y = flattened(b, "b");
  if (x.size(1) != y.size(1)) {
    throw ShapeError({.what = "samples of the two sets differ in size",
                      .where = "earth mover's distance",
                      .found = to_string(a.sizes()) + " and " + to_string(b.sizes())});
  }
  const auto n = x.size(0), m = y.size(0);
  // Mode 2: differences, not ‖x‖² + ‖y‖² − 2 x·y, which loses half the digits where samples are close.
  const Tensor distance = at::cdist(x, y, 2.0, /*compute_mode=*/2).contiguous();
  const double largest = distance.max().item<double>();
  if (largest == 0) return 0;
  const double* cost = distance.data_ptr<double>();

  const Graph graph = bipartite(n, m);
  const double scale = integer_scale(largest, n + m);
  Graph::ArcMap<std::int64_t> costs(graph);
  for (Graph::ArcIt arc(graph); arc != lemon::INVALID; ++arc) {
    costs[arc] = std::llround(cost[graph.index(arc)] * scale);
  }
  // Weights 1/n and 1/m as whole supplies of their common multiple.
  const auto total = std::lcm(n, m);
  Graph::NodeMap<std::int64_t> supplies(graph);
  for (Graph::NodeIt node(graph); node != lemon::INVALID; ++node) {
    supplies[node] = graph.index(node) < n ? total / n : -total / m;
  }
  Simplex simplex(graph);
  simplex.costMap(costs).supplyMap(supplies);
  if (simplex.run() != Simplex::OPTIMAL) {
    throw NumericalError({.what = "the network simplex found no optimal flow", .where = "earth mover's distance"});
  }
  // The plan is of the rounded costs, its length of the true ones: rounding enters to second order only.
  double length = 0;
  for (Graph::ArcIt arc(graph); arc != lemon::INVALID; ++arc) {
    if (const auto flow = simplex.flow(arc); flow > 0) length += static_cast<double>(flow) * cost[graph.index(arc)];
  }
  return length / static_cast<double>(total);
}

}  // namespace sda
