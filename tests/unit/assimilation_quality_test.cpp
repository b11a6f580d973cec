/// Qualities, defaults, and what a model's record of an earlier version says about sampling.
#include "sda/assimilation/quality.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "sda/experiment/keys.hpp"
#include "sda/experiment/run.hpp"

namespace sda {
namespace {

using testing::HasSubstr;

std::string toml_of(Quality quality) {
  Experiment experiment;
  apply(quality, experiment);
  return to_toml(experiment);
}

TEST(Quality, GoodIsTheDefaultOfEveryParameter) {
  EXPECT_EQ(toml_of(Quality::good), to_toml(Experiment{}));
  EXPECT_EQ(PosteriorParameters{}.guidance.rule, "mmps");
}

TEST(Quality, OthersDifferInStepsOnlyButForThePapers) {
  for (const auto& [quality, steps] : {std::pair{Quality::quick, 64}, std::pair{Quality::best, 512}}) {
    Experiment experiment;
    apply(quality, experiment);
    EXPECT_EQ(experiment.sampler.steps, steps);
    experiment.sampler.steps = 256;
    EXPECT_EQ(to_toml(experiment), to_toml(Experiment{}));
  }
  // Rozet & Louppe (2023), Algorithm 4, and γ of their section 3.2.
  const auto [guidance, sampler, assimilation] = posterior_parameters(Quality::paper);
  EXPECT_EQ(guidance.rule, "sda");
  EXPECT_EQ(guidance.gamma, std::vector<double>{1e-2});
  EXPECT_EQ(sampler.corrections, 1);
  EXPECT_EQ(sampler.churn, 0);
  EXPECT_EQ(assimilation.bound, 0);
}

/// Whatever sampler a configuration had, a quality makes one that Sampler takes.
TEST(Quality, StandsOverAnyConfiguration) {
  for (const auto& name : names_of<Quality>()) {
    Experiment experiment;
    apply_overrides(experiment, {{.assignment = "sampler.churn=0"}, {.assignment = "sampler.predictor=heun"}});
    experiment.assimilation.members = 7;
    apply(*choice_of<Quality>(name), experiment);
    EXPECT_NO_THROW(Sampler(NoiseSchedule(), experiment.sampler)) << name;
    EXPECT_EQ(experiment.assimilation.members, 7) << name;
  }
}

TEST(Quality, KeysShowIt) {
  EXPECT_THAT(describe_keys(), HasSubstr("rule = \"mmps\""));
  EXPECT_THAT(describe_keys(Quality::paper), HasSubstr("rule = \"sda\""));
  EXPECT_THAT(describe_keys(Quality::quick), HasSubstr("steps = 64"));
}

ModelFile model_recorded_by(const std::string& version, const std::string& config) {
  ModelFile model;
  model.provenance = {.command = "sda train", .config = config, .seed = 0, .version = version, .created = ""};
  return model;
}

Experiment taken_from(const ModelFile& model, std::optional<Quality> quality = {}) {
  return posterior_experiment("", model, "model.nc", quality);
}

/// 0.1 wrote its defaults, the paper's sampler, into every model.
TEST(RecordedSampling, ThePapersSamplerOf01IsNoChoice) {
  const auto model =
      model_recorded_by("0.1.0",
                        "[training]\nepochs = 9\n[guidance]\nrule = \"sda\"\ngamma = [0.03]\n"
                        "[sampler]\nsteps = 64\ncorrections = 1\ntau = 0.5\n[assimilation]\nmembers = 8\n");
  const Experiment experiment = taken_from(model);
  EXPECT_EQ(experiment.guidance.rule, "mmps");
  EXPECT_EQ(experiment.guidance.gamma, std::vector<double>{1e-3});
  EXPECT_EQ(experiment.sampler.steps, 256);
  EXPECT_EQ(experiment.sampler.corrections, 0);
  EXPECT_EQ(experiment.assimilation.bound, 5);
  EXPECT_EQ(experiment.assimilation.members, 8);
  EXPECT_EQ(experiment.training.epochs, 9);
  EXPECT_EQ(taken_from(model, Quality::paper).guidance.rule, "sda");
}

TEST(RecordedSampling, AnythingElseIsFollowed) {
  const std::string chosen =
      "[guidance]\nrule = \"mmps\"\n[sampler]\nsteps = 64\ngrid = \"uniform\"\nnoise_until = 0.2\n";
  EXPECT_EQ(taken_from(model_recorded_by("0.1.0", chosen)).sampler.noise_until, 0.2);
  // What a record of 0.1 lacks was the paper's.
  EXPECT_EQ(taken_from(model_recorded_by("0.1.0", chosen)).assimilation.bound, 0);
  const std::string paper = "[guidance]\nrule = \"sda\"\n[sampler]\nrenewal = 0\ncorrections = 1\n";
  EXPECT_EQ(taken_from(model_recorded_by("0.2.0", paper)).guidance.rule, "sda");
  EXPECT_EQ(taken_from(model_recorded_by("0.2.0", paper)).sampler.corrections, 1);
}

}  // namespace
}  // namespace sda
