/// Networks, guidance and a sampled trajectory against the reference's, float32.
#include <gtest/gtest.h>

#include "golden.hpp"
#include "machines.hpp"
#include "sda/diffusion/denoising.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/prior.hpp"
#include "sda/sampling/sampler.hpp"
#include "tolerance.hpp"

namespace sda {
using test::golden;
namespace {

constexpr std::int64_t plenty = std::int64_t{1} << 30;

struct Case {
  std::string name, file, prefix;
  NetworkParameters network;
  Shape event;
  std::vector<OperatorLink> chain;
  std::string context;  ///< dataset of the context fields
};

std::vector<Case> cases() {
  NetworkParameters local{.kind = NetworkKind::residual_mlp, .order = 2, .embedding = 16, .width = 32, .depth = 3};
  NetworkParameters global{.kind = NetworkKind::unet, .global = true, .window = 16, .embedding = 16};
  global.channels = {8, 16};
  global.blocks = {1, 2};
  NetworkParameters flow{.kind = NetworkKind::unet, .order = 1, .embedding = 16};
  flow.channels = {8, 16};
  flow.blocks = {1, 1};
  flow.padding = Padding::circular;
  const std::vector<OperatorLink> first_of_every_eighth{{"every", {8}}, {"select", {0}}};
  const std::vector<OperatorLink> averages_of_every_fourth{{"every", {4}}, {"coarsen", {4}}};
  return {{"lorenz_local", "lorenz_local.h5", "kernel.", local, {3}, first_of_every_eighth, ""},
          {"lorenz_global", "lorenz_global_unet1d.h5", "score.", global, {3}, first_of_every_eighth, ""},
          {"kolmogorov_local",
           "kolmogorov_local_unet2d.h5",
           "kernel.",
           flow,
           {2, 16, 16},
           averages_of_every_fourth,
           "kernel.forcing"}};
}

class Networks : public ::testing::TestWithParam<Case> {
 protected:
  Networks() {
    const Case& c = GetParam();
    prior.network_parameters = c.network;
    prior.layout.event = c.event;
    prior.normalisation = Normalisation::identity(c.event);
    if (!c.context.empty()) prior.context = golden(c.file, "weights/" + c.context);
    prior.network = make_network(c.network, c.event, 0, prior.context);
    std::vector<NamedTensor> weights;
    for (const auto& parameter : prior.network->parameters())
      weights.push_back({parameter.name, golden(c.file, "weights/" + c.prefix + parameter.name)});
    prior.network->load(weights, c.file);
    x = read("x");
    y = read("y").to(at::kDouble);
  }

  Tensor read(const std::string& dataset) const { return golden(GetParam().file, dataset); }
  double scalar(const std::string& dataset) const { return read(dataset).item<double>(); }

  Observations observations() const {
    const Case& c = GetParam();
    Observations observed;
    observed.layout.event = c.event;
    for (std::int64_t i = 0; i < c.event.front(); ++i)
      observed.layout.variables.push_back({"v" + std::to_string(i), ""});
    if (c.event.size() == 3) observed.layout.space_names = {"y", "x"};
    observed.normalisation = prior.normalisation;
    observed.length = x.size(1);
    observed.parts = {{.name = "",
                       .chain = c.chain,
                       .noise = GaussianNoise({scalar("std")}),
                       .op = make_operator(c.chain, observed.layout, prior.normalisation),
                       .values = y}};
    return observed;
  }

  Tensor guided(const GuidanceParameters& parameters, double t) const {
    return PosteriorScore(make_prior_score(prior, plenty, 1, Precision::float32), NoiseSchedule(), observations(),
                          parameters)
        .epsilon(x, t);
  }

  static void expect_close(const Tensor& ours, const Tensor& theirs, const std::string& what,
                           double within = tolerance::golden_network) {
    ASSERT_EQ(ours.sizes(), theirs.sizes()) << what;
    const double error = (ours - theirs).abs().max().item<double>() / theirs.abs().max().item<double>();
    EXPECT_LT(error, within) << what;
  }

  Prior prior;
  Tensor x, y;
};

TEST_P(Networks, PriorEpsilonEqualsTheReference) {
  for (const std::string i : {"0", "1", "2"})
    expect_close(make_prior_score(prior, plenty, 1, Precision::float32)->epsilon(x, scalar("t" + i)), read("eps" + i),
                 "eps" + i);
}

TEST_P(Networks, EveryKernelGivesTheReference) {
  ASSERT_NE(prior.network->fused_score(plenty), nullptr);
  const GuidanceParameters parameters{.rule = "sda", .gamma = {scalar("gamma")}};
  for (const test::Machine& machine : test::machines()) {
    SCOPED_TRACE(test::name_of(machine));
    const test::OnMachine on(machine);
    const bool exact = machine.arithmetic == kernels::Arithmetic::float32;
    const double within = exact ? tolerance::golden_network : tolerance::fused_bfloat16;
    const auto score = make_prior_score(prior, plenty, 1, Precision::automatic);
    const PosteriorScore posterior(score, NoiseSchedule(), observations(), parameters);
    for (const std::string i : {"0", "1", "2"}) {
      expect_close(score->epsilon(x, scalar("t" + i)), read("eps" + i), "eps" + i, within);
      expect_close(posterior.epsilon(x, scalar("t" + i)), read("guided_eps" + i), "guided_eps" + i, within);
    }
  }
}

TEST_P(Networks, ChunksAndRecomputedGraphsGiveTheSame) {
  const double t = scalar("t1");
  const Tensor v = read("eps2");
  const auto whole = make_prior_score(prior, plenty, 1, Precision::float32)->linearise(x, t);
  const auto in_parts = make_prior_score(prior, /*memory=*/1, 1, Precision::float32)->linearise(x, t);
  expect_close(in_parts->epsilon(), whole->epsilon(), "ε");
  expect_close(in_parts->vjp(v), whole->vjp(v), "VJP");
}

TEST_P(Networks, SdaGuidanceEqualsTheReference) {
  const GuidanceParameters parameters{.rule = "sda", .gamma = {scalar("gamma")}};
  for (const std::string i : {"0", "1", "2"})
    expect_close(guided(parameters, scalar("t" + i)), read("guided_eps" + i), "guided_eps" + i);
}

TEST_P(Networks, DetachedGuidanceEqualsTheReference) {
  const GuidanceParameters parameters{.rule = "sda", .gamma = {scalar("gamma")}, .detach = true};
  for (const std::string i : {"0", "1", "2"})
    expect_close(guided(parameters, scalar("t" + i)), read("guided_detached_eps" + i), "guided_detached_eps" + i);
}

TEST_P(Networks, DpsGuidanceEqualsTheReference) {
  // The reference divides by one norm over the whole batch, this library by each member's own: the ratio of the
  // two turns one into the other.
  const NoiseSchedule schedule;
  const Observations observed = observations();
  for (const std::string i : {"0", "1", "2"}) {
    const double t = scalar("t" + i);
    const Tensor prior_epsilon = read("eps" + i);
    const Tensor denoised = tweedie_mean(schedule, x, t, prior_epsilon);
    const Tensor own = observed.departure(denoised).flatten(1).square().sum(1).sqrt();
    const Tensor ratio = own / own.square().sum().sqrt();
    Shape each_member(static_cast<std::size_t>(x.dim()), 1);
    each_member[0] = x.size(0);
    const Tensor guidance = guided({.rule = "dps"}, t) - prior_epsilon;
    expect_close(prior_epsilon + guidance * ratio.view(each_member), read("dps_eps" + i), "dps_eps" + i);
  }
}

TEST_P(Networks, SampledTrajectoryEqualsTheReference) {
  const NoiseSchedule schedule;
  const GuidanceParameters parameters{.rule = "sda", .gamma = {scalar("gamma")}};
  const PosteriorScore score(make_prior_score(prior, plenty, 1, Precision::float32), schedule, observations(),
                             parameters);
  const Sampler sampler(
      schedule,
      {.steps = static_cast<std::int64_t>(scalar("steps")), .grid = TimeGrid::uniform, .churn = 0, .corrections = 0});
  expect_close(sampler.sample_from(x, score, 0), read("sampled"), "sampled");
}

INSTANTIATE_TEST_SUITE_P(Reference, Networks, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace sda
