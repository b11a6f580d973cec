/// Training of a prior by denoising (Rozet & Louppe 2023, Algorithm 1). Every draw is a function of
/// (seed, purpose, epoch or step), so a run that was stopped goes on as if it had not been.
#include "sda/training/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/core/runtime.hpp"
#include "sda/diffusion/denoising.hpp"
#include "sda/prior/denoising_gradient.hpp"

namespace sda {

double learning_rate_factor(const std::string& decay, std::int64_t epoch, std::int64_t epochs) {
  const double done = static_cast<double>(epoch) / static_cast<double>(epochs);
  if (decay == "linear") return 1 - done;
  if (decay == "cosine") return (1 + std::cos(std::numbers::pi * done)) / 2;
  if (decay == "exponential") return std::exp(-7 * done * done);
  throw UsageError({.what = "unknown decay",
                    .where = "training.decay",
                    .found = decay,
                    .expected = "linear, cosine or exponential"});
}

namespace {

/// Windows are moved by multiples of shifts[axis]; what the network sees beside them stays, and must look the same.
void require_shifts(const std::vector<std::int64_t>& shifts, const Prior& prior) {
  if (shifts.empty()) return;
  const Shape space = prior.layout.space();
  bool fit = shifts.size() == space.size();
  for (std::size_t axis = 0; fit && axis < shifts.size(); ++axis)
    fit = shifts[axis] == 0 || space[axis] % shifts[axis] == 0;
  if (!fit)
    throw UsageError({.what = "the shifts do not fit the grid",
                      .where = "training.shifts",
                      .found = to_string(shifts),
                      .expected = fmt::format("for each axis of {} a divisor, or 0", to_string(space))});
  if (prior.network_parameters.kind == "unet" && prior.network_parameters.padding != "circular")
    throw UsageError({.what = "fields that are moved round must be periodic",
                      .where = "network.padding",
                      .found = prior.network_parameters.padding,
                      .expected = "circular",
                      .hint = "leave training.shifts out if the domain has walls"});
  const auto require_same = [&](const std::string& what, const Tensor& fields) {
    if (!fields.defined()) return;
    for (std::size_t axis = 0; axis < shifts.size(); ++axis) {
      const auto from_end = static_cast<std::int64_t>(axis) - static_cast<std::int64_t>(shifts.size());
      const Tensor moved = at::roll(fields, {shifts[axis]}, {from_end});
      if (!at::allclose(moved, fields, 1e-4, 1e-4))
        throw UsageError({.what = what + " not the same after the shift",
                          .where = fmt::format("training.shifts, axis {}", prior.layout.space_names[axis]),
                          .found = std::to_string(shifts[axis]),
                          .expected = "a period of the fields, or 0"});
    }
  };
  require_same("the context fields are", prior.context);
  require_same("the mask is", prior.layout.mask.defined() ? prior.layout.mask.to(at::kFloat) : Tensor());
}

/// Windows that are cut from normalised trajectories.
class WindowSource {
 public:
  /// What is drawn of one trajectory: a window's first state, and by how many points it is moved along each axis.
  struct Place {
    std::int64_t first;
    std::vector<std::int64_t> shift;
  };

  WindowSource(TrainingStates trajectories, const Prior& prior, const std::vector<std::int64_t>& shifts,
               const std::string& what)
      : source_(std::move(trajectories)),
        states_(source_.states()),
        window_(prior.network_parameters.window_length()),
        shifts_(shifts),
        space_(prior.layout.space()) {
    require_shifts(shifts_, prior);
    const at::IntArrayRef event = states_.sizes().slice(2);
    if (event != at::IntArrayRef(prior.layout.event))
      throw ShapeError({.what = what + " trajectories have another event",
                        .where = "training",
                        .found = to_string(event),
                        .expected = to_string(prior.layout.event)});
    if (states_.size(1) < window_)
      throw UsageError(
          {.what = fmt::format("the network's window of {} states is longer than the {} trajectories", window_, what),
           .where = "network",
           .found = fmt::format("{} states", states_.size(1)),
           .expected = fmt::format("at least {}", window_),
           .hint = "use a smaller network.order or network.window, or longer trajectories"});
  }

  std::int64_t trajectories() const { return states_.size(0); }

  /// One random window of each trajectory.
  std::vector<Place> places(std::uint64_t seed, Purpose purpose, std::int64_t epoch) const {
    const auto axes = static_cast<std::int64_t>(shifts_.size());
    const Tensor u =
        uniform({trajectories(), 1 + axes}, {seed, purpose, 0, static_cast<std::uint64_t>(epoch)}, at::kDouble);
    const auto draw = u.accessor<double, 2>();
    const auto below = [&](std::int64_t i, std::int64_t which, std::int64_t n) {
      return static_cast<std::int64_t>(draw[i][which] * static_cast<double>(n));
    };
    std::vector<Place> places;
    for (std::int64_t i = 0; i < trajectories(); ++i) {
      Place place{below(i, 0, states_.size(1) - window_ + 1), {}};
      for (std::int64_t axis = 0; axis < axes; ++axis) {
        const std::int64_t step = shifts_[axis];
        place.shift.push_back(step == 0 ? 0 : step * below(i, 1 + axis, space_[axis] / step));
      }
      places.push_back(std::move(place));
    }
    return places;
  }

  /// The windows of n trajectories will be gathered soon.
  void expect(const std::int64_t* trajectory, std::int64_t n, const std::vector<Place>& places) const {
    for (std::int64_t i = 0; i < n; ++i) source_.expect(trajectory[i], places[trajectory[i]].first, window_);
  }

  /// (window, …event).
  Shape shape() const { return prepend({window_}, states_.sizes().slice(2)); }

  /// Writes the windows of n trajectories, one after the other.
  void gather(const std::int64_t* trajectory, std::int64_t n, const std::vector<Place>& places, float* to) const {
    const std::int64_t state = count(states_.sizes().slice(2)), size = window_ * state;
    const auto* from = states_.data_ptr<float>();
    for (std::int64_t i = 0; i < n; ++i) {
      const Place& place = places[trajectory[i]];
      const float* window = from + (trajectory[i] * states_.size(1) + place.first) * state;
      copy_moved(window, to + i * size, size / count(space_), 0, place.shift);
    }
  }

 private:
  /// Copies `blocks` blocks of the axes of space from `axis` on, each moved along them.
  void copy_moved(const float* from, float* to, std::int64_t blocks, std::size_t axis,
                  const std::vector<std::int64_t>& shift) const {
    const at::IntArrayRef axes = at::IntArrayRef(space_).slice(axis);
    const std::int64_t block = count(axes);
    const auto copy = [](const float* source, float* target, std::int64_t n) {
      std::memcpy(target, source, static_cast<std::size_t>(n) * sizeof(float));
    };
    if (axis == shift.size()) return copy(from, to, blocks * block);
    const std::int64_t points = axes.front(), row = block / points, moved = shift[axis];
    const bool last = axis + 1 == shift.size();
    for (std::int64_t i = 0; i < blocks; ++i, from += block, to += block) {
      if (last) {
        copy(from, to + moved * row, (points - moved) * row);
        copy(from + (points - moved) * row, to, moved * row);
      } else {
        copy_moved(from, to + moved * row, points - moved, axis + 1, shift);
        copy_moved(from + (points - moved) * row, to, moved, axis + 1, shift);
      }
    }
  }

  TrainingStates source_;
  Tensor states_;
  std::int64_t window_;
  std::vector<std::int64_t> shifts_;
  Shape space_;
};

/// Perturbed windows x(t) = μ x + σ ε with t = u^q, u and ε from streams of a step; of one size after another in one
/// memory.
class Batch {
 public:
  explicit Batch(double time_exponent) : time_exponent_(time_exponent) {}

  struct Streams {
    std::uint64_t seed;
    Purpose time, noise;
  };

  void draw(const WindowSource& source, const std::int64_t* trajectory, std::int64_t n,
            const std::vector<WindowSource::Place>& places, const NoiseSchedule& schedule, const Streams& streams,
            std::int64_t step) {
    resize(n, source.shape());
    const std::int64_t row = x_.numel() / n;
    auto *x = x_.data_ptr<float>(), *t = t_.data_ptr<float>(), *epsilon = epsilon_.data_ptr<float>();
    constexpr std::int64_t values_of_a_thread = 1 << 9;
    at::parallel_for(0, n, std::max<std::int64_t>(1, values_of_a_thread / row),
                     [&](std::int64_t begin, std::int64_t end) {
                       const std::int64_t rows = end - begin, first = begin * row;
                       const auto key = [&](Purpose purpose) {
                         return StreamKey{streams.seed, purpose, static_cast<std::uint64_t>(begin),
                                          static_cast<std::uint64_t>(step)};
                       };
                       fill_uniform(t + begin, rows, 1, key(streams.time));
                       if (time_exponent_ != 1)
                         for (std::int64_t r = begin; r < end; ++r)
                           t[r] = static_cast<float>(std::pow(double{t[r]}, time_exponent_));
                       fill_normal(epsilon + first, rows, row, key(streams.noise));
                       source.gather(trajectory + begin, rows, places, x + first);
                       perturb(schedule, x + first, t + begin, epsilon + first, rows, row);
                     });
  }

  const Tensor& x() const { return x_; }
  const Tensor& t() const { return t_; }
  const Tensor& epsilon() const { return epsilon_; }

 private:
  void resize(std::int64_t n, const Shape& window) {
    if (t_.defined() && t_.size(0) == n) return;
    if (!all_x_.defined() || all_x_.size(0) < n) {
      all_x_ = at::empty(prepend({n}, window), at::kFloat);
      all_epsilon_ = at::empty_like(all_x_);
      all_t_ = at::empty({n}, at::kFloat);
    }
    x_ = all_x_.narrow(0, 0, n);
    epsilon_ = all_epsilon_.narrow(0, 0, n);
    t_ = all_t_.narrow(0, 0, n);
  }

  double time_exponent_;
  Tensor all_x_, all_t_, all_epsilon_;
  Tensor x_, t_, epsilon_;  ///< as many rows of them as the batch has
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

struct Trainer::Implementation {
  Prior prior;
  TrainingParameters parameters;
  WindowSource train, valid;
  std::uint64_t seed;
  NoiseSchedule schedule;
  TrainingState state;
  Batch batch;
  Tensor gradient;
  std::unique_ptr<DenoisingGradient> denoising;

  Implementation(Prior p, TrainingParameters tp, TrainingStates train_set, TrainingStates valid_set, std::uint64_t s,
                 at::Device device)
      : prior(std::move(p)),
        parameters(std::move(tp)),
        train(std::move(train_set), prior, parameters.shifts, "training"),
        valid(std::move(valid_set), prior, parameters.shifts, "validation"),
        seed(s),
        schedule(prior.schedule),
        batch(parameters.time_exponent) {
    state.weights = prior.network->flat_values();
    state.first_moment = at::zeros_like(state.weights);
    state.second_moment = at::zeros_like(state.weights);
    if (parameters.average > 0) state.average = state.weights.clone();
    gradient = at::zeros_like(state.weights);
    denoising = device.is_cpu() ? make_denoising_gradient(prior.network, state.weights, gradient,
                                                          parse_precision(parameters.precision, "training.precision"))
                                : make_remote_gradient(network_on(prior, device), state.weights, gradient);
  }

  double train_step(const std::int64_t* trajectory, std::int64_t n, const std::vector<WindowSource::Place>& places,
                    double learning_rate) {
    batch.draw(train, trajectory, n, places, schedule, {seed, Purpose::training_time, Purpose::training_noise},
               state.step);
    ++state.step;
    const AdamW adamw(state.step, learning_rate, parameters.weight_decay);
    auto *weights = state.weights.data_ptr<float>(), *first = state.first_moment.data_ptr<float>(),
         *second = state.second_moment.data_ptr<float>(),
         *average = state.average.defined() ? state.average.data_ptr<float>() : nullptr;
    const auto update = [&](std::int64_t begin, const float* g, std::int64_t size) {
      adamw.update(weights + begin, g, first + begin, second + begin, size);
      if (average != nullptr) move_average(average + begin, weights + begin, size, parameters.average);
    };
    return denoising->descend(batch.x(), batch.t(), batch.epsilon(), update);
  }

  /// One random window of each training trajectory, in random order.
  double train_epoch(double learning_rate) {
    const std::int64_t n = train.trajectories();
    // The order draws as the member after the last trajectory, so that it meets no trajectory's own stream.
    const StreamKey order_key{seed, Purpose::training_window, static_cast<std::uint64_t>(n),
                              static_cast<std::uint64_t>(state.epoch)};
    const std::vector<std::int64_t> order = permutation(n, order_key);
    const std::vector<WindowSource::Place> places = train.places(seed, Purpose::training_window, state.epoch);
    double total = 0;
    const auto size_at = [&](std::int64_t begin) { return std::clamp<std::int64_t>(n - begin, 0, parameters.batch); };
    train.expect(order.data(), size_at(0), places);
    for (std::int64_t begin = 0; begin < n; begin += parameters.batch) {
      const std::int64_t size = size_at(begin), next = begin + size;
      train.expect(order.data() + next, size_at(next), places);
      total += train_step(order.data() + begin, size, places, learning_rate) * static_cast<double>(size);
    }
    return total / static_cast<double>(n);
  }

  /// The loss on validation windows, always the same windows, times and noise; of the averaged weights if there are
  /// any.
  double validation_loss() {
    at::NoGradGuard no_grad;
    const Tensor last = state.average.defined() ? state.weights.clone() : Tensor();
    if (last.defined()) state.weights.copy_(state.average);
    constexpr std::int64_t draws = 16;  // windows of each trajectory
    const std::int64_t n = valid.trajectories();
    std::vector<std::int64_t> all(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) all[i] = i;
    double total = 0;
    for (std::int64_t draw = 0; draw < draws; ++draw) {
      batch.draw(valid, all.data(), n, valid.places(seed, Purpose::validation_window, draw), schedule,
                 {seed, Purpose::validation_time, Purpose::validation_noise}, draw);
      total += denoising->loss(batch.x(), batch.t(), batch.epsilon());
    }
    if (last.defined()) state.weights.copy_(last);
    return total / draws;
  }
};

Trainer::Trainer(const Prior& prior, TrainingParameters parameters, const Trajectories& train,
                 const Trajectories& valid, std::uint64_t seed, at::Device device)
    : Trainer(prior, std::move(parameters), TrainingStates(train, prior.normalisation),
              TrainingStates(valid, prior.normalisation), seed, device) {}

Trainer::Trainer(Prior prior, TrainingParameters parameters, TrainingStates train, TrainingStates valid,
                 std::uint64_t seed, at::Device device)
    : self_(std::make_unique<Implementation>(std::move(prior), std::move(parameters), std::move(train),
                                             std::move(valid), seed, device)) {}

Trainer::~Trainer() = default;

void Trainer::resume(const TrainingState& state) {
  TrainingState& own = self_->state;
  const auto copy = [](Tensor& to, const Tensor& from, const std::string& what) {
    if (to.defined() != from.defined() || (to.defined() && to.sizes() != from.sizes()))
      throw ShapeError({.what = what + " of the checkpoint do not fit this run",
                        .where = "training",
                        .found = from.defined() ? to_string(from.sizes()) : "none",
                        .expected = to.defined() ? to_string(to.sizes()) : "none",
                        .hint = "resume with the configuration that made the checkpoint"});
    if (to.defined()) to.copy_(from);
  };
  copy(own.weights, state.weights, "weights");
  copy(own.first_moment, state.first_moment, "first moments");
  copy(own.second_moment, state.second_moment, "second moments");
  copy(own.average, state.average, "averaged weights");
  own.epoch = state.epoch;
  own.step = state.step;
  own.losses = state.losses;
  own.validation_epochs = state.validation_epochs;
  own.validation_losses = state.validation_losses;
}

TrainingState Trainer::state() const {
  TrainingState copy = self_->state;
  for (Tensor* tensor : {&copy.weights, &copy.first_moment, &copy.second_moment, &copy.average})
    if (tensor->defined()) *tensor = tensor->clone();
  return copy;
}

void Trainer::run(const std::function<void(const TrainingState&)>& on_checkpoint,
                  const std::function<void(const EpochReport&)>& on_epoch) {
  Implementation& self = *self_;
  const std::int64_t epochs = self.parameters.epochs;
  auto last_checkpoint = std::chrono::steady_clock::now();
  while (self.state.epoch < epochs) {
    const auto start = std::chrono::steady_clock::now();
    EpochReport report{.epoch = self.state.epoch + 1, .epochs = epochs};
    report.learning_rate =
        self.parameters.learning_rate * learning_rate_factor(self.parameters.decay, self.state.epoch, epochs);
    report.loss = self.train_epoch(report.learning_rate);
    report.windows_per_second = static_cast<double>(self.train.trajectories()) / seconds_since(start);
    if (!std::isfinite(report.loss))
      throw NumericalError({.what = "the training loss is not finite",
                            .where = fmt::format("epoch {}", report.epoch),
                            .found = fmt::format("{}", report.loss),
                            .hint = "try a smaller training.learning_rate"});
    ++self.state.epoch;
    self.state.losses.push_back(report.loss);
    if (self.state.epoch % self.parameters.validate_every == 0 || self.state.epoch == epochs) {
      report.validation_loss = self.validation_loss();
      self.state.validation_epochs.push_back(static_cast<double>(self.state.epoch));
      self.state.validation_losses.push_back(*report.validation_loss);
    }
    if (on_epoch) on_epoch(report);
    const bool stopped = StopToken::signal() != 0;
    if (on_checkpoint && (stopped || seconds_since(last_checkpoint) > 60 * self.parameters.checkpoint_minutes)) {
      on_checkpoint(state());
      last_checkpoint = std::chrono::steady_clock::now();
    }
    if (stopped) StopToken::throw_if_stopped(fmt::format("checkpoint after epoch {} of {}", self.state.epoch, epochs));
  }
}

double Trainer::validation_loss() const {
  return self_->validation_loss();
}

Prior Trainer::result() const {
  Prior trained = self_->prior;
  trained.network = make_network(trained.network_parameters, trained.layout.event, self_->seed, trained.context);
  trained.network->set_flat_values(self_->state.average.defined() ? self_->state.average : self_->state.weights);
  return trained;
}

}  // namespace sda
