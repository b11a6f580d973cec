/// The score of a network by autograd, a chunk of rows at a time.
#include <fmt/format.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/prior/scores.hpp"

namespace sda {

namespace {

/// Rows of a chunk: what fits in `memory`, and on a CPU no more than keeps a chunk's activations near the cache.
std::int64_t rows_per_chunk(const Network& network, std::int64_t length, std::int64_t memory) {
  constexpr std::int64_t cache = std::int64_t{32} << 20;
  const std::int64_t bytes = std::max<std::int64_t>(1, network.bytes_per_row(length));
  return std::max<std::int64_t>(1, (network.device().is_cpu() ? std::min(memory, cache) : memory) / bytes);
}

/// As the network takes it, on its device.
Tensor to_network(const Tensor& x, const Network& network) {
  return x.to(network.device(), network.dtype());
}
Tensor to_network(double t, const Network& network) {
  return at::scalar_tensor(t, at::TensorOptions(network.device()).dtype(at::kDouble));
}

/// Calls f(begin, count) for rows 0 … n − 1 in chunks of nearly equal size.
template <class Function>
void for_each_chunk(std::int64_t n, std::int64_t largest, Function f) {
  const std::int64_t chunks = (n + largest - 1) / largest;
  for (std::int64_t i = 0; i < chunks; ++i) {
    const std::int64_t begin = n * i / chunks, end = n * (i + 1) / chunks;
    f(begin, end - begin);
  }
}

struct Graph {
  Tensor input, output;
};

class NetworkLinearisation final : public Linearisation {
 public:
  NetworkLinearisation(std::shared_ptr<const Network> network, const Tensor& x, double t, std::int64_t memory)
      : network_(std::move(network)),
        x_(x.detach()),
        time_(to_network(t, *network_)),
        rows_(rows_per_chunk(*network_, x.size(1), memory)),
        keeps_graphs_(x.size(0) * network_->bytes_per_row(x.size(1)) <= memory),
        epsilon_(at::empty_like(x_, at::MemoryFormat::Contiguous)) {
    for_each_chunk(x_.size(0), rows_, [&](std::int64_t begin, std::int64_t n) {
      Graph graph = keeps_graphs_ ? record(begin, n) : evaluate(begin, n);
      epsilon_.narrow(0, begin, n).copy_(graph.output.detach());
      if (keeps_graphs_) graphs_.push_back(std::move(graph));
    });
  }

  const Tensor& epsilon() const override { return epsilon_; }

  Tensor vjp(const Tensor& v) const override {
    Tensor gradient = at::empty_like(x_, at::MemoryFormat::Contiguous);
    std::size_t chunk = 0;
    for_each_chunk(x_.size(0), rows_, [&](std::int64_t begin, std::int64_t n) {
      const Graph graph = keeps_graphs_ ? graphs_[chunk++] : record(begin, n);
      const Tensor v_chunk = v.narrow(0, begin, n).to(graph.output.options());
      const auto pulled =
          torch::autograd::grad({graph.output}, {graph.input}, {v_chunk}, /*retain_graph=*/keeps_graphs_);
      gradient.narrow(0, begin, n).copy_(pulled.front());
    });
    return gradient;
  }

 private:
  Graph record(std::int64_t begin, std::int64_t n) const {
    at::AutoGradMode enable(true);
    const Tensor input = to_network(x_.narrow(0, begin, n), *network_).detach().requires_grad_(true);
    return {input, network_->forward(input, time_)};
  }
  Graph evaluate(std::int64_t begin, std::int64_t n) const {
    at::NoGradGuard no_grad;
    return {{}, network_->forward(to_network(x_.narrow(0, begin, n), *network_), time_)};
  }

  std::shared_ptr<const Network> network_;
  Tensor x_, time_;
  std::int64_t rows_;
  bool keeps_graphs_;
  Tensor epsilon_;
  std::vector<Graph> graphs_;
};

class NetworkScore final : public DifferentiableScore {
 public:
  NetworkScore(std::shared_ptr<const Network> network, std::int64_t memory)
      : network_(std::move(network)), memory_(memory) {}

  Tensor epsilon(const Tensor& x, double t) const override {
    at::NoGradGuard no_grad;
    const Tensor time = to_network(t, *network_);
    Tensor out = at::empty_like(x, at::MemoryFormat::Contiguous);
    for_each_chunk(x.size(0), rows_per_chunk(*network_, x.size(1), memory_), [&](std::int64_t begin, std::int64_t n) {
      out.narrow(0, begin, n).copy_(network_->forward(to_network(x.narrow(0, begin, n), *network_), time));
    });
    return out;
  }

  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override {
    return std::make_unique<NetworkLinearisation>(network_, x, t, memory_);
  }

 private:
  std::shared_ptr<const Network> network_;
  std::int64_t memory_;
};

}  // namespace

std::shared_ptr<const DifferentiableScore> make_network_score(std::shared_ptr<const Network> network,
                                                              std::int64_t memory, Evaluation evaluation) {
  if (evaluation == Evaluation::automatic)
    if (auto fused = network->fused_score(memory)) return fused;
  return std::make_shared<NetworkScore>(std::move(network), memory);
}

}  // namespace sda
