/// A trajectory's score where ranks share its states: what lies within a window of a rank's states but is not its own,
/// the halo, comes from the ranks before and after.
#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/prior/scores.hpp"

namespace sda {
namespace {

/// Of a rank: its own states, begin … end − 1, and all that the windows which own them take, first … last − 1.
struct Reach {
  std::int64_t begin = 0, end = 0, first = 0, last = 0;
};

Reach reach_of(const WindowPlan& plan, std::int64_t ranks, std::int64_t rank) {
  const auto [begin, count] = share_of(std::ssize(plan.owner), ranks, rank);
  const auto start_of_owner = [&](std::int64_t state) {
    return plan.starts[static_cast<std::size_t>(plan.owner[static_cast<std::size_t>(state)])];
  };
  const std::int64_t end = begin + count;
  return {begin, end, start_of_owner(begin), start_of_owner(end - 1) + plan.window};
}

/// A rank's halo and what its neighbours need of it, in states.
struct Halo {
  std::int64_t before = 0, after = 0;        ///< that it takes
  std::int64_t to_before = 0, to_after = 0;  ///< that it gives
};

Halo halo_of(const WindowPlan& plan, const Communicator& ranks) {
  const std::int64_t length = std::ssize(plan.owner), size = ranks.size(), rank = ranks.rank();
  Halo halo;
  for (std::int64_t r = 0; r < size; ++r) {
    const auto needs_room = [&](std::int64_t states, std::int64_t neighbour) {
      if (states > share_of(length, size, neighbour).count) {
        throw UsageError(
            {.what = "ranks have fewer states than their neighbours' windows reach into",
             .where = fmt::format("{} states over {} ranks", length, size),
             .found = fmt::format("{} states of rank {}", share_of(length, size, neighbour).count, neighbour),
             .expected = fmt::format("at least {}", states),
             .hint = "share the members instead, or take fewer ranks for the states"});
      }
    };
    const Reach reach = reach_of(plan, size, r);
    if (reach.begin > reach.first) needs_room(reach.begin - reach.first, r - 1);
    if (reach.last > reach.end) needs_room(reach.last - reach.end, r + 1);
    if (r == rank) halo.before = reach.begin - reach.first, halo.after = reach.last - reach.end;
    if (r + 1 == rank) halo.to_before = reach.last - reach.end;
    if (r - 1 == rank) halo.to_after = reach.begin - reach.first;
  }
  return halo;
}

/// The exchange, of states and of their cotangents.
class HaloExchange {
 public:
  HaloExchange(const WindowPlan& plan, const Communicator& ranks) : ranks_(ranks), halo_(halo_of(plan, ranks)) {}

  /// This rank's states → the same with their halo.
  Tensor extended(const Tensor& x) const {
    Tensor before = states_like(x, halo_.before), after = states_like(x, halo_.after);
    ranks_.exchange(x.narrow(1, 0, halo_.to_before), x.narrow(1, x.size(1) - halo_.to_after, halo_.to_after), before,
                    after);
    return at::cat({before, x, after}, 1);
  }
  /// Its adjoint: what belongs to the halo goes back, and is added there.
  Tensor extended_adjoint(const Tensor& v) const {
    const std::int64_t own = v.size(1) - halo_.before - halo_.after;
    Tensor x = v.narrow(1, halo_.before, own).clone();
    Tensor from_before = states_like(x, halo_.to_before), from_after = states_like(x, halo_.to_after);
    ranks_.exchange(v.narrow(1, 0, halo_.before), v.narrow(1, halo_.before + own, halo_.after), from_before,
                    from_after);
    x.narrow(1, 0, halo_.to_before).add_(from_before);
    x.narrow(1, own - halo_.to_after, halo_.to_after).add_(from_after);
    return x;
  }
  /// Of what is given for the states with their halo, that of this rank's states.
  Tensor own(const Tensor& extended) const {
    return extended.narrow(1, halo_.before, extended.size(1) - halo_.before - halo_.after);
  }
  /// Its adjoint: 0 in the halo.
  Tensor own_adjoint(const Tensor& v) const {
    return at::cat({zeros_like(v, halo_.before), v, zeros_like(v, halo_.after)}, 1);
  }

 private:
  static Shape shape_of(const Tensor& x, std::int64_t states) {
    Shape shape = x.sizes().vec();
    shape[1] = states;
    return shape;
  }
  static Tensor states_like(const Tensor& x, std::int64_t states) {
    return at::empty(shape_of(x, states), x.options());
  }
  static Tensor zeros_like(const Tensor& x, std::int64_t states) { return at::zeros(shape_of(x, states), x.options()); }

  const Communicator& ranks_;
  Halo halo_;
};

class ShardedLinearisation final : public Linearisation {
 public:
  ShardedLinearisation(std::unique_ptr<Linearisation> inner, const HaloExchange& halo)
      : inner_(std::move(inner)), halo_(halo), epsilon_(halo.own(inner_->epsilon()).contiguous()) {}
  const Tensor& epsilon() const override { return epsilon_; }
  Tensor vjp(const Tensor& v) const override { return halo_.extended_adjoint(inner_->vjp(halo_.own_adjoint(v))); }

 private:
  std::unique_ptr<Linearisation> inner_;
  HaloExchange halo_;
  Tensor epsilon_;
};

class ShardedScore final : public DifferentiableScore {
 public:
  ShardedScore(std::shared_ptr<const DifferentiableScore> score, const WindowPlan& plan, const Communicator& ranks)
      : score_(std::move(score)), halo_(plan, ranks) {}
  Tensor epsilon(const Tensor& x, double t) const override {
    return halo_.own(score_->epsilon(halo_.extended(x), t)).contiguous();
  }
  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override {
    return std::make_unique<ShardedLinearisation>(score_->linearise(halo_.extended(x), t), halo_);
  }

 private:
  std::shared_ptr<const DifferentiableScore> score_;
  HaloExchange halo_;
};

}  // namespace

std::shared_ptr<const DifferentiableScore> make_sharded_score(std::shared_ptr<const DifferentiableScore> score,
                                                              const WindowPlan& plan, const Communicator& ranks) {
  return std::make_shared<ShardedScore>(std::move(score), plan, ranks);
}

}  // namespace sda
