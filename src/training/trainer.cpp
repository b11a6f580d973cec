/// Training of a prior by denoising (Rozet & Louppe 2023, Algorithm 1). Every draw is a function of
/// (seed, purpose, epoch or step), so a run that was stopped goes on as if it had not been.
#include "sda/training/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/core/runtime.hpp"
#include "sda/prior/denoising_gradient.hpp"
#include "training/windows.hpp"

namespace sda {

double learning_rate_factor(Decay decay, std::int64_t epoch, std::int64_t epochs) {
  const double done = static_cast<double>(epoch) / static_cast<double>(epochs);
  switch (decay) {
    case Decay::linear:
      return 1 - done;
    case Decay::cosine:
      return (1 + std::cos(std::numbers::pi * done)) / 2;
    case Decay::exponential:
      break;
  }
  return std::exp(-7 * done * done);
}

namespace {

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
    denoising = device.is_cpu() ? make_denoising_gradient(prior.network, state.weights, gradient, parameters.precision)
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

  /// One random window of each training trajectory, in random order, from the batch on that is next. Calls
  /// `after_batch` after each but the last. The mean loss.
  double train_epoch(double learning_rate, const std::function<void()>& after_batch) {
    const std::int64_t n = train.trajectories();
    // The order draws as the member after the last trajectory, so that it meets no trajectory's own stream.
    const StreamKey order_key{seed, Purpose::training_window, static_cast<std::uint64_t>(n),
                              static_cast<std::uint64_t>(state.epoch)};
    const std::vector<std::int64_t> order = permutation(n, order_key);
    const std::vector<WindowSource::Place> places = train.places(seed, Purpose::training_window, state.epoch);
    const auto size_at = [&](std::int64_t begin) { return std::clamp<std::int64_t>(n - begin, 0, parameters.batch); };
    const std::int64_t batches = (n + parameters.batch - 1) / parameters.batch;
    const std::int64_t start = (state.step - state.epoch * batches) * parameters.batch;
    train.expect(order.data() + start, size_at(start), places);
    for (std::int64_t begin = start; begin < n; begin += parameters.batch) {
      const std::int64_t size = size_at(begin), next = begin + size;
      train.expect(order.data() + next, size_at(next), places);
      state.loss_so_far += train_step(order.data() + begin, size, places, learning_rate) * static_cast<double>(size);
      if (next < n) after_batch();
    }
    return std::exchange(state.loss_so_far, 0) / static_cast<double>(n);
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
  own.loss_so_far = state.loss_so_far;
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
  const auto save_or_stop = [&] {
    const bool stopped = StopToken::is_raised();
    if (on_checkpoint && (stopped || seconds_since(last_checkpoint) > 60 * self.parameters.save_minutes)) {
      on_checkpoint(state());
      last_checkpoint = std::chrono::steady_clock::now();
    }
    if (stopped) StopToken::throw_if_stopped(fmt::format("checkpoint after epoch {} of {}", self.state.epoch, epochs));
  };
  while (self.state.epoch < epochs) {
    const auto start = std::chrono::steady_clock::now();
    EpochReport report{.epoch = self.state.epoch + 1, .epochs = epochs};
    report.learning_rate =
        self.parameters.learning_rate * learning_rate_factor(self.parameters.decay, self.state.epoch, epochs);
    report.loss = self.train_epoch(report.learning_rate, save_or_stop);
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
    save_or_stop();
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
