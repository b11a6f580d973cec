/// A plan's steps on an ensemble (Rozet & Louppe 2023, Algorithm 4).
#include "sda/sampling/sampler.hpp"

#include <fmt/format.h>

#include <csignal>
#include <deque>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/core/runtime.hpp"

namespace sda {

namespace {

/// Where a share's states begin in a member's row of draws; `shape` is (member, state, …event).
std::int64_t first_element(const SamplerShare& share, at::IntArrayRef shape) {
  return share.first_state * count(shape.slice(2));
}

/// x(t) on its way from t = 1 to t = 0.
class Path {
 public:
  /// Owns the state's x.
  Path(SamplerState state, const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member,
       const SamplerShare& share)
      : x_(std::move(state.x)),
        z_(at::empty_like(x_)),
        epsilons_(state.epsilons.begin(), state.epsilons.end()),
        score_(score),
        seed_(seed),
        first_member_(first_member),
        share_(share) {}

  const Tensor& x() const { return x_; }
  SamplerState state(std::int64_t stages_done) const {
    return {.stages_done = stages_done, .x = x_, .epsilons = {epsilons_.begin(), epsilons_.end()}};
  }

  /// x ← a x + Σ wᵢ εᵢ + b z + c ε₀, ε₀ = ε(q x + p z, t).
  void operator()(const AffineStep& step) {
    if (step.z) draw(*step.z);
    const Tensor epsilon = step.z ? score_.epsilon(at::mul(x_, step.q).add_(z_, step.p), step.t)  //
                                  : score_.epsilon(x_, step.t);
    if (!step.w.empty()) {
      epsilons_.push_front(epsilon);
      x_.mul_(step.a);
      for (std::size_t i = 0; i < step.w.size(); ++i) x_.add_(epsilons_[i], step.w[i]);
      epsilons_.resize(static_cast<std::size_t>(step.kept));
    }
    if (step.z) x_.add_(z_, step.b).add_(epsilon, step.c);
  }

  void operator()(const LangevinStep& step) {
    draw(step.z);
    langevin_correction(x_, score_.epsilon(x_, step.t), z_, step.tau, step.sigma, share_);
  }

  void operator()(const HeunStep& step) {
    const Tensor here = score_.epsilon(x_, step.t);
    x_.mul_(step.r);
    const Tensor there = score_.epsilon(at::add(x_, here, step.c), step.t_next);
    x_.add_(here, step.c / 2).add_(there, step.c / 2);
  }

 private:
  void draw(const StepNoise& z) {
    fill_normal(z_, {seed_, z.purpose, first_member_, z.number, first_element(share_, z_.sizes())});
  }

  Tensor x_, z_;
  std::deque<Tensor> epsilons_;  ///< the evaluations remembered, the latest first
  const ScoreModel& score_;
  std::uint64_t seed_, first_member_;
  const SamplerShare& share_;
};

bool is_finite(const Tensor& x) {
  return at::isfinite(x).all().item<bool>();
}

/// Where one rank is asked to stop, all stop after the same stage, so that what they save fits together. A signal that
/// comes after they agreed to go on is heard at the next stage.
void stop_together(const Communicator& all) {
  if (all.size() == 1) return StopToken::throw_if_stopped("");
  const Tensor votes =
      all.sum(at::tensor({std::int64_t{StopToken::is_raised()}, std::int64_t{StopToken::signal() != 0}}, at::kLong));
  if (votes[0].item<std::int64_t>() == 0) return;
  if (votes[1].item<std::int64_t>() == 0) throw Interrupted::by_time_limit("");
  if (StopToken::signal() == 0) StopToken::request(SIGTERM);
  StopToken::throw_if_stopped("");
}

/// How many evaluations coming steps use after the first `stages` of a plan.
std::size_t remembered_after(const StepPlan& plan, std::int64_t stages) {
  std::size_t remembered = 0;
  for (std::int64_t i = 0; i < stages; ++i)
    for (const Step& step : plan[static_cast<std::size_t>(i)].steps) {
      const auto* affine = std::get_if<AffineStep>(&step);
      if (affine != nullptr && !affine->w.empty()) remembered = static_cast<std::size_t>(affine->kept);
    }
  return remembered;
}

/// Throws ShapeError for a state that no sampler of this plan can have left.
void require_state_of(const StepPlan& plan, const SamplerState& state) {
  const auto refuse = [](const std::string& found, const std::string& expected) {
    throw ShapeError({.what = "a state of another plan", .where = "sampler", .found = found, .expected = expected});
  };
  const std::int64_t stages = std::ssize(plan), done = state.stages_done;
  if (done < 0 || done > stages) refuse(fmt::format("{} stages done", done), fmt::format("0 to {}", stages));
  if (!state.x.defined()) refuse("no members", "members on their way");
  const std::size_t needed = remembered_after(plan, done);
  if (state.epsilons.size() != needed) {
    refuse(fmt::format("{} evaluations remembered after {} stages", state.epsilons.size(), done),
           fmt::format("{}", needed));
  }
  for (const Tensor& epsilon : state.epsilons)
    if (epsilon.sizes() != state.x.sizes())
      refuse("an evaluation of " + to_string(epsilon.sizes()), to_string(state.x.sizes()));
}

}  // namespace

void langevin_correction(Tensor& x, const Tensor& epsilon, const Tensor& z, double tau, double sigma,
                         const SamplerShare& share) {
  Shape each_member(static_cast<std::size_t>(x.dim()), 1);
  each_member[0] = x.size(0);
  // δ = τ / mean ε²: each trajectory has its own step.
  const Tensor own = epsilon.flatten(1).square();
  const std::int64_t elements = share.length == 0 ? own.size(1) : own.size(1) / x.size(1) * share.length;
  const Tensor mean = share.states->sum(own.sum(1)) / elements;
  const Tensor delta = (tau / mean).view(each_member);
  x.addcmul_(delta, epsilon, -sigma).addcmul_((2 * delta).sqrt(), z, -sigma);
}

Sampler::Sampler(const NoiseSchedule& schedule, const SamplerParameters& parameters)
    : plan_(step_plan(schedule, parameters)) {}

Tensor Sampler::sample(const ScoreModel& score, at::IntArrayRef shape, std::uint64_t seed, std::uint64_t first_member,
                       const ProgressCallback& progress, at::ScalarType dtype) const {
  return finish(start(shape, seed, first_member, dtype), score, seed, first_member, progress);
}

Tensor Sampler::sample_from(Tensor x,  // NOLINT(performance-unnecessary-value-param): the states are its own
                            const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member,
                            const ProgressCallback& progress) const {
  return finish({.x = x.clone(at::MemoryFormat::Contiguous)}, score, seed, first_member, progress);
}

SamplerState Sampler::start(at::IntArrayRef shape, std::uint64_t seed, std::uint64_t first_member, at::ScalarType dtype,
                            const SamplerShare& share) const {
  // σ(1) is 1 but for η: x(1) ~ N(0, I).
  return {.x = normal(shape, {seed, Purpose::sampler_start, first_member, 0, first_element(share, shape)}, dtype)};
}

Tensor Sampler::finish(SamplerState state, const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member,
                       const ProgressCallback& progress, const StageCallback& after_stage,
                       const SamplerShare& share) const {
  at::NoGradGuard no_grad;
  require_state_of(plan_, state);
  const std::int64_t stages = std::ssize(plan_);
  std::int64_t done = state.stages_done;
  Path path(std::move(state), score, seed, first_member, share);
  while (done < stages) {
    stop_together(*share.all);
    const Stage& stage = plan_[done++];
    for (const Step& step : stage.steps) std::visit(path, step);
    if (!is_finite(path.x()))
      throw NumericalError({.what = "the state is not finite",
                            .where = fmt::format("sampler, step {} of {}, t = {}", done, stages, stage.to),
                            .found = "NaN or infinity",
                            .hint = "try more steps, a larger guidance.gamma or a smaller sampler.tau"});
    if (after_stage) after_stage(path.state(done));
    if (progress) progress(done, stages, "");
  }
  return path.x();
}

}  // namespace sda
