/// A network on another device: what is said where there is none, and that it computes the same where there is one.
#include "sda/prior/device.hpp"

#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/prior/denoising_gradient.hpp"
#include "sda/prior/prior.hpp"
#include "tolerance.hpp"

namespace {

using sda::Prior;
using sda::Tensor;
using sda::tolerance::between_devices;

constexpr std::int64_t plenty = std::int64_t{1} << 30;

std::string refusal_of(const std::string& name) {
  try {
    sda::parse_device(name, "--device");
  } catch (const sda::UsageError& error) {
    return error.what();
  }
  return "";
}

bool has_gpu() {
  return at::hasCUDA() && at::getNumGPUs() > 0;
}

/// Windows of 5 states of an 8 × 8 field with a context channel.
Prior field_prior() {
  sda::NetworkParameters parameters{
      .kind = sda::NetworkKind::unet, .order = 2, .embedding = 16, .channels = {8, 16}, .blocks = {1, 1}};
  parameters.padding = sda::Padding::circular;
  const sda::Shape event{2, 8, 8};
  const Tensor context = sda::normal({1, 8, 8}, {.seed = 3});
  Prior prior{.network_parameters = parameters,
              .schedule = {},
              .layout = {.event = event, .variables = {}, .space_names = {}, .dt = 1},
              .normalisation = {},
              .context = context,
              .network = sda::make_network(parameters, event, 1, context),
              .dynamics = ""};
  return prior;
}

struct DenoisingBatch {
  Tensor x, t, epsilon;
};
DenoisingBatch batch_of(const Prior& prior) {
  const auto shape = sda::prepend({3, 5}, prior.layout.event);
  return {sda::normal(shape, {.seed = 4}), at::tensor({0.1, 0.5, 0.9}, at::kFloat), sda::normal(shape, {.seed = 5})};
}

/// Largest difference of the losses' gradients and of the losses, by a copy on `device` and by autograd here.
double gradient_difference(const Prior& prior, at::Device device) {
  const auto batch = batch_of(prior);
  const Tensor weights = prior.network->flat_values(), theirs = at::zeros_like(weights), ours = at::zeros_like(weights);
  const auto there = sda::make_remote_gradient(sda::network_on(prior, device), weights, theirs);
  // Weights that change after the copy was made must reach it, as an optimiser changes them.
  weights.mul_(1.25);
  const double loss_there = there->evaluate(batch.x, batch.t, batch.epsilon);
  const double loss_alone = there->loss(batch.x, batch.t, batch.epsilon);
  const auto here = sda::make_denoising_gradient(sda::network_on(prior, at::kCPU), weights, ours,
                                                 sda::Precision::float32, sda::Evaluation::autograd);
  const double loss_here = here->evaluate(batch.x, batch.t, batch.epsilon);
  EXPECT_GT(ours.abs().max().item<double>(), 0);
  return std::max({(theirs - ours).abs().max().item<double>() / ours.abs().max().item<double>(),
                   std::abs(loss_there - loss_here), std::abs(loss_alone - loss_here)});
}

TEST(Device, IsTheCpuOrSaysWhyNot) {
  EXPECT_TRUE(sda::parse_device("cpu", "--device").is_cpu());
  for (const char* wrong : {"gpu", "cuda:", "cuda:x", "cuda:-1", "CUDA", ""})
    EXPECT_NE(refusal_of(wrong).find("unknown device"), std::string::npos) << wrong;
  EXPECT_NE(refusal_of("cuda:99").find(has_gpu() ? "no such GPU" : "no CUDA device"), std::string::npos);
  EXPECT_NE(refusal_of("cuda:99").find("--device"), std::string::npos);
}

TEST(Device, CopyOfANetworkFollowsWeightsAndGivesTheirGradient) {
  EXPECT_LT(gradient_difference(field_prior(), at::kCPU), sda::tolerance::exact_float32);
}

TEST(Device, GpuAgreesWithTheCpu) {
  if (!has_gpu()) GTEST_SKIP() << "there is no CUDA device, or this libtorch was built without CUDA";
  const auto gpu = sda::parse_device("cuda", "test");
  const Prior prior = field_prior();
  EXPECT_LT(gradient_difference(prior, gpu), between_devices);
  const auto here = sda::make_prior_score(prior, plenty, 1, sda::Precision::float32);
  const Tensor x = sda::normal({2, 9, 2, 8, 8}, {.seed = 6}), v = sda::normal({2, 9, 2, 8, 8}, {.seed = 7});
  for (const std::int64_t memory : {plenty, std::int64_t{1}}) {
    const auto there = sda::make_prior_score(prior, memory, 1, sda::Precision::float32, gpu);
    for (const double t : {0.05, 0.6}) {
      const auto a = here->linearise(x, t), b = there->linearise(x, t);
      EXPECT_TRUE(b->epsilon().is_cpu());
      EXPECT_TRUE(at::allclose(b->epsilon(), a->epsilon(), between_devices, between_devices));
      EXPECT_TRUE(at::allclose(b->vjp(v), a->vjp(v), between_devices, between_devices));
    }
  }
}

}  // namespace
