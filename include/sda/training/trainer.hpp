/// Training of a prior by denoising (Rozet & Louppe 2023, Algorithm 1).
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/progress.hpp"
#include "sda/core/trajectories.hpp"
#include "sda/prior/prior.hpp"
#include "sda/training/training_states.hpp"

namespace sda {

/// Of the learning rate, each epoch.
enum class Decay { linear, cosine, exponential };
constexpr auto choice_names(Decay) {
  return std::array{"linear", "cosine", "exponential"};
}

struct TrainingParameters {
  std::int64_t epochs = 4096;  ///< an epoch: one random window of each training trajectory
  std::int64_t batch = 64;
  double learning_rate = 1e-3;
  double weight_decay = 1e-3;  ///< AdamW, decoupled
  Decay decay = Decay::linear;
  double time_exponent = 1.0;          ///< q of t = u^q, u ~ U(0, 1), in the loss: above 1, more windows near t = 0
  std::vector<std::int64_t> shifts{};  ///< grid points along each axis of space by which the system may be moved
  double average = 0.0;                ///< decay of the weights' moving average; 0 keeps none
  Precision precision = Precision::automatic;  ///< of products in the network's own kernel
  double save_minutes = 5.0;
  std::int64_t validate_every = 16;  ///< epochs between validation losses
};

template <class Visitor>
void fields(Visitor& v, TrainingParameters& p) {
  v("epochs", p.epochs, "passes; each takes one random window of each training trajectory", at_least(1));
  v("batch", p.batch, "windows in a step", at_least(1));
  v("learning_rate", p.learning_rate, "AdamW's first learning rate", above(0));
  v("weight_decay", p.weight_decay, "AdamW's decoupled weight decay", at_least(0));
  v("decay", p.decay, "learning rate over epochs: linear, cosine or exponential");
  v("time_exponent", p.time_exponent,
    "t = u^time_exponent, u uniform, in the loss; above 1: more windows with little noise", above(0));
  v("shifts", p.shifts,
    "of periodic fields, an axis of space each: windows are moved by random multiples of so many points; 0: not along "
    "it",
    or_none(at_least(0)));
  v("average", p.average, "decay of the weights' moving average that is validated and saved; 0: none",
    Range{.min = 0, .max = 1, .open_max = true});
  v("precision", p.precision, "of products in training: auto, float32 or bfloat16; weights are float32 always");
  v("save_minutes", p.save_minutes, "minutes between savings of what is done, to go on from with --resume", above(0));
  v("validate_every", p.validate_every, "epochs between validation losses", at_least(1));
}

/// Factor of the learning rate in epoch e of n: linear 1 − e/n; cosine (1 + cos(π e/n))/2; exponential exp(−7 (e/n)²).
double learning_rate_factor(Decay decay, std::int64_t epoch, std::int64_t epochs);

/// Everything a run needs to go on as if it had never stopped. Draws are functions of (seed, step), so no
/// generator state is kept.
struct TrainingState {
  std::int64_t epoch = 0;  ///< epochs done
  std::int64_t step = 0;   ///< batches done within the run; those after the last epoch are of the one under way
  double loss_so_far = 0;  ///< of these, summed over windows
  Tensor weights;          ///< all parameters, flat, in the network's order
  Tensor first_moment;     ///< of AdamW, flat
  Tensor second_moment;
  Tensor average;              ///< moving average, flat; undefined if none
  std::vector<double> losses;  ///< training loss of each epoch done
  std::vector<double> validation_epochs, validation_losses;
};

/// A step of AdamW (Loshchilov & Hutter 2019), β = (0.9, 0.999), ε = 1e-8, for any stretch of the weights.
class AdamW {
 public:
  /// `step` counts from 1.
  AdamW(std::int64_t step, double learning_rate, double weight_decay);
  /// Changes `n` weights and their moments.
  void update(float* weights, const float* gradient, float* first_moment, float* second_moment, std::int64_t n) const;

 private:
  float keep_, rate_, scale_;
};

/// average ← decay · average + (1 − decay) · weights, of `n` weights.
void move_average(float* average, const float* weights, std::int64_t n, double decay);

struct EpochReport {
  std::int64_t epoch = 0, epochs = 0;
  double loss = 0, learning_rate = 0, windows_per_second = 0;
  std::optional<double> validation_loss{};
};

class Trainer {
 public:
  /// Trains prior.network in place on `train`, normalised by prior.normalisation. `seed` fixes every draw.
  /// On another `device` than the CPU by autograd in float32, the same draws; the optimiser stays on the CPU.
  /// Throws UsageError if the window is longer than the trajectories, ShapeError if events differ.
  Trainer(const Prior& prior, TrainingParameters parameters, const Trajectories& train, const Trajectories& valid,
          std::uint64_t seed, at::Device device = at::kCPU);
  /// The same, of states that are normalised already.
  Trainer(Prior prior, TrainingParameters parameters, TrainingStates train, TrainingStates valid, std::uint64_t seed,
          at::Device device = at::kCPU);
  ~Trainer();

  /// Continues from a state made by the same parameters and data.
  void resume(const TrainingState& state);
  TrainingState state() const;

  /// Runs to the last epoch. `on_checkpoint` is called every save_minutes, between two batches, and, after a stop
  /// signal, once before Interrupted is thrown; `on_epoch` after each epoch.
  void run(const std::function<void(const TrainingState&)>& on_checkpoint,
           const std::function<void(const EpochReport&)>& on_epoch);

  /// Of the averaged weights if there are any, else the last; of the same draws each time.
  double validation_loss() const;

  /// The prior with the averaged weights if there are any, else the last.
  Prior result() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> self_;
};

}  // namespace sda
