/// Every subcommand once on a tiny experiment: the files it makes, what they carry and what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/torch.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"
#include "sda/experiment/experiment.hpp"
#include "workshop.hpp"

namespace sda::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

Workshop& shop() {
  return Workshop::shared();
}

std::int64_t lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

TEST(Program, AloneItPrintsHelp) {
  const auto run = run_program({});
  EXPECT_EQ(run.code, 0);
  for (const char* name :
       {"simulate", "train", "observe", "assimilate", "filter", "evaluate", "report", "inspect", "import", "keys",
        "study", "calibrate", "manual", "completion", "--seed", "--threads", "--set", "--quiet", "--version"}) {
    EXPECT_THAT(run.out, HasSubstr(name));
  }
  EXPECT_EQ(run.err, "");
}

TEST(Program, EverySubcommandHelpsWithAnExample) {
  for (const char* name : {"simulate", "train", "observe", "assimilate", "filter", "evaluate", "report", "inspect",
                           "import", "keys", "study", "calibrate", "manual", "completion"}) {
    const auto run = run_program({name, "--help"});
    EXPECT_EQ(run.code, 0) << name;
    EXPECT_THAT(run.out, HasSubstr(std::string("Example:\n  sda ") + name));
  }
}

TEST(Program, SaysItsVersion) {
  const auto run = run_program({"--version"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "sda " + version() + "\n");
}

TEST(Program, SimulateSplitsTrajectories) {
  const ScratchFolder folder;
  const auto run = run_program({"simulate", shop().config(), "-o", folder.file("data"), "--seed", "5", "--length=20"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(lines(run.out), 1) << run.out;
  EXPECT_THAT(run.out, HasSubstr("train.nc (8), valid.nc (1), test.nc (1)"));
  for (const auto& [name, count] : {std::pair{"train", 8}, std::pair{"valid", 1}, std::pair{"test", 1}}) {
    const auto file = read_trajectories(folder.file(std::string("data/") + name + ".nc"));
    EXPECT_EQ(file.trajectories.states.sizes(), (at::IntArrayRef{count, 20, 3})) << name;
    EXPECT_EQ(file.provenance.seed, 5u);
    EXPECT_THAT(file.provenance.command, StartsWith("sda simulate "));
    EXPECT_EQ(read_recorded_experiment(file.provenance.config, name).simulation.length, 20);
    EXPECT_EQ(read_dynamics(file.dynamics, name).system, "lorenz63");
  }
}

TEST(Program, SimulateTakesAnotherSystem) {
  const ScratchFolder folder;
  const auto run = run_program({"simulate", shop().config(), "-o", folder.file("data"), "--set",
                                "dynamics.system=lorenz96", "--set", "dynamics.sites=8"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(read_trajectories(folder.file("data/test.nc")).trajectories.states.size(2), 8);
}

/// Outliers from the instrument to the report: drawn, filtered, assimilated, scored.
TEST(Program, NoiseOfAnotherFormGoesThroughEveryStep) {
  const ScratchFolder folder;
  const std::string lo = folder.file("lo.nc"), posterior = folder.file("p.nc"), filtered = folder.file("f.nc");
  const auto ok = [](const std::vector<std::string>& arguments) {
    const auto run = run_program(arguments);
    EXPECT_EQ(run.code, 0) << arguments.front() << ": " << run.err;
    return run.out;
  };
  EXPECT_THAT(ok({"observe", "--data", shop().data() + "/test.nc", "--name", "lo", "-o", lo, "--set",
                  "observation.lo.noise=student_t", "--set", "observation.lo.degrees_of_freedom=3"}),
              HasSubstr("Student-t noise with 3 degrees of freedom and scale 0.05"));
  EXPECT_EQ(read_observations(lo).observations.parts[0].noise.shape().kind, "student_t");
  ok({"filter", "--obs", lo, "-o", filtered});
  for (const char* rule : {"sda", "mmps"})
    ok({"assimilate", "--keep-diverged", "--model", shop().model(), "--obs", lo, "-o", posterior, "--rule", rule});
  EXPECT_THAT(ok({"evaluate", "--obs", lo, "--reference", filtered, posterior}), HasSubstr("MMPS"));
  EXPECT_THAT(ok({"inspect", lo}), HasSubstr("Student-t noise with 3 degrees of freedom"));
  ok({"report", "--obs", lo, "--reference", filtered, posterior, "-o", folder.file("report")});
  EXPECT_THAT(read_bytes(folder.file("report/report.html")), HasSubstr("Student-t noise with 3 degrees"));
}

TEST(Program, TrainWritesAModelAndTakesItsCheckpointAway) {
  const ScratchFolder folder;
  const auto run =
      run_program({"train", "--data", shop().data(), "-o", folder.file("m.nc"), "--order", "2", "--epochs", "3"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(lines(run.out), 1) << run.out;
  EXPECT_THAT(run.out, HasSubstr("windows of 5 states for 3 epochs"));
  EXPECT_THAT(folder.names(), UnorderedElementsAre("m.nc"));
  const auto model = read_model(folder.file("m.nc"));
  EXPECT_EQ(model.prior.network_parameters.order, 2);
  EXPECT_EQ(model.prior.network_parameters.width, 16);  // of the configuration that the data carry
  EXPECT_EQ(model.prior.dynamics, "lorenz63");
  EXPECT_FALSE(model.training.has_value());
}

/// A flow's network sees the forcing beside the state, and its model keeps it.
TEST(Program, TrainGivesTheNetworkTheFieldsOfTheDynamics) {
  const ScratchFolder folder;
  const auto simulated = run_program({"simulate", shop().config(), "-o", folder.file("flow"), "--length", "4", "--set",
                                      "dynamics.system=kolmogorov", "--set", "dynamics.grid=8", "--set",
                                      "dynamics.solver_grid=16", "--set", "dynamics.forcing_wavenumber=2"});
  ASSERT_EQ(simulated.code, 0) << simulated.err;
  EXPECT_THAT(simulated.out, HasSubstr("solver steps/s"));
  const auto trained = run_program({"train", "--data", folder.file("flow"), "-o", folder.file("m.nc"), "--epochs", "1",
                                    "--set", "network.kind=unet", "--set", "network.channels=[4]", "--set",
                                    "network.blocks=[1]", "--set", "network.padding=circular"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  const auto prior = read_model(folder.file("m.nc")).prior;
  EXPECT_EQ(prior.dynamics, "kolmogorov");
  ASSERT_TRUE(prior.context.defined());
  EXPECT_TRUE(at::equal(
      prior.context,
      make_dynamics(read_dynamics(read_trajectories(folder.file("flow/test.nc")).dynamics, "test.nc"))->context()));
}

TEST(Program, ObserveReadsTheStretchAskedFor) {
  const ScratchFolder folder;
  const auto run = run_program({"observe", "--data", shop().data() + "/train.nc", "--name", "hi", "--trajectory", "3",
                                "--start", "7", "-o", folder.file("hi.nc")});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(lines(run.out), 1) << run.out;
  const auto data = read_trajectories(shop().data() + "/train.nc");
  const auto observed = read_observations(folder.file("hi.nc")).observations;
  EXPECT_EQ(observed.name, "hi");
  EXPECT_EQ(observed.parts[0].values.sizes(), (at::IntArrayRef{9, 1}));
  EXPECT_TRUE(at::equal(observed.truth.to(at::kFloat), data.trajectories.states[3].narrow(0, 7, 9).to(at::kFloat)));
  EXPECT_DOUBLE_EQ(observed.start_time, data.trajectories.start_time + 7 * data.trajectories.layout.dt);
}

TEST(Program, ObserveDrawsOtherNoiseForAnotherStretch) {
  const ScratchFolder folder;
  for (const char* start : {"0", "4"}) {
    const auto run = run_program({"observe", "--data", shop().data() + "/test.nc", "--name", "hi", "--start", start,
                                  "-o", folder.file(std::string(start) + ".nc")});
    ASSERT_EQ(run.code, 0) << run.err;
  }
  const auto noise = [&](const char* name) {
    const auto observed = read_observations(folder.file(name)).observations;
    return observed.parts[0].values.select(1, 0) - observed.normalisation.normalise(observed.truth).select(1, 0);
  };
  EXPECT_GT((noise("0.nc") - noise("4.nc")).abs().max().item<double>(), 0.01);
}

TEST(Program, SeveralInstrumentsOnOneTrajectory) {
  const ScratchFolder folder;
  const auto observed = run_program(
      {"observe", "--data", shop().data() + "/test.nc", "--name", "both", "-o", folder.file("both.nc"), "--set",
       "observation.both={length = 9, part = {x = {operator = [{every = 4}, {select = [0]}], sigma = 0.05}, "
       "z = {operator = [{last = 2}, {select = [2]}], sigma = 0.5}}}"});
  ASSERT_EQ(observed.code, 0) << observed.err;
  EXPECT_EQ(lines(observed.out), 2) << observed.out;
  EXPECT_THAT(observed.out,
              HasSubstr("observed both.x of trajectory 0 from state 0: 3 observations of shape 1 over 9"));
  EXPECT_THAT(observed.out, HasSubstr("(the last 2 states → component 2), sigma 0.5"));
  const auto obs = folder.file("both.nc"), posterior = folder.file("p.nc"), filtered = folder.file("f.nc");
  ASSERT_EQ(
      run_program({"assimilate", "--keep-diverged", "--model", shop().model(), "--obs", obs, "-o", posterior}).code, 0);
  ASSERT_EQ(run_program({"filter", "--obs", obs, "-o", filtered}).code, 0);
  const auto scored = run_program({"evaluate", "--obs", obs, "--reference", filtered, posterior});
  EXPECT_EQ(scored.code, 0) << scored.err;
  const auto drawn = run_program({"report", "--obs", obs, posterior, "-o", folder.file("report")});
  EXPECT_EQ(drawn.code, 0) << drawn.err;
  const auto shown = run_program({"inspect", obs});
  EXPECT_THAT(shown.out, testing::AllOf(HasSubstr("part          x\n"), HasSubstr("part          z\n")));
}

TEST(Program, AssimilateWritesAnEnsembleAndItsCost) {
  const ScratchFolder folder;
  const auto run =
      run_program({"assimilate", "--keep-diverged", "--model", shop().model(), "--obs", shop().observations(), "-o",
                   folder.file("p.nc"), "--members=5", "--steps=3", "--corrections=2", "--gamma=0.1"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(lines(run.out), 1) << run.out;
  // 3 steps of a predictor and 2 corrections, each a forward pass and a VJP
  EXPECT_THAT(run.out, HasSubstr("into 5 members by SDA: 18 network evaluations"));
  const auto file = read_ensemble(folder.file("p.nc"));
  EXPECT_EQ(file.ensemble.members.sizes(), (at::IntArrayRef{5, 9, 3}));
  EXPECT_EQ(file.ensemble.method, "SDA");
  EXPECT_EQ(file.cost.evaluations, 18);
  const auto config = read_recorded_experiment(file.provenance.config, "p.nc");
  EXPECT_EQ(config.sampler.steps, 3);
  EXPECT_EQ(config.guidance.gamma, std::vector<double>{0.1});
  EXPECT_EQ(config.network.width, 16);
}

TEST(Program, AssimilateTakesTheAdvisedSettingsAndSingleOnesBesideThem) {
  const ScratchFolder folder;
  const auto run =
      run_program({"assimilate", "--keep-diverged", "--model", shop().model(), "--obs", shop().observations(), "-o",
                   folder.file("p.nc"), "--steps=3", "--quality=good", "--members=2"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("into 2 members by MMPS: 6 network evaluations"));
  const auto config = read_recorded_experiment(read_ensemble(folder.file("p.nc")).provenance.config, "p.nc");
  EXPECT_EQ(config.guidance.rule, "mmps");
  EXPECT_EQ(config.sampler.steps, 3);
  EXPECT_EQ(config.sampler.churn, 1);
  EXPECT_EQ(config.assimilation.bound, 5);
}

/// What no configuration says is what --quality good takes.
TEST(Program, AssimilateSamplesAsAdvisedUnlessToldOtherwise) {
  const ScratchFolder folder;
  const auto assimilated = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"assimilate",          folder.file("few.toml"),
                                       "--keep-diverged",     "--model",
                                       shop().model(),        "--obs",
                                       shop().observations(), "-o",
                                       folder.file("p.nc"),   "--steps=3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto run = run_program(arguments);
    EXPECT_EQ(run.code, 0) << run.err;
    return run;
  };
  write_bytes(folder.file("few.toml"), "[assimilation]\nmembers = 2\n");
  EXPECT_THAT(assimilated({}).out, HasSubstr("into 2 members by MMPS: 6 network evaluations"));
  EXPECT_THAT(assimilated({"--quality=paper"}).out, HasSubstr("into 2 members by SDA: 12 network evaluations"));
  const auto mixed = assimilated({"--rule=sda", "--gamma=1"});
  EXPECT_THAT(mixed.err, HasSubstr("warning: the rule sda with churn can diverge; --quality paper"));
}

TEST(Program, AssimilateWritesNoMembersThatDoNotExplainTheObservation) {
  const ScratchFolder folder;
  const auto output = folder.file("p.nc");
  const auto assimilated = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"assimilate",          "--model", shop().model(), "--obs",
                                       shop().observations(), "-o",      output,         "--steps=2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  };
  const auto refused = assimilated({});
  EXPECT_EQ(refused.code, 1) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("members diverged"));
  EXPECT_THAT(refused.err, HasSubstr("--quality good"));
  EXPECT_THAT(refused.err, HasSubstr("--keep-diverged writes these members"));
  EXPECT_FALSE(std::filesystem::exists(output));
  const auto kept = assimilated({"--keep-diverged"});
  ASSERT_EQ(kept.code, 0) << kept.err;
  EXPECT_THAT(kept.err, HasSubstr("warning: members miss"));
  EXPECT_TRUE(std::filesystem::exists(output));
}

TEST(Program, FilterTakesItsDynamicsFromTheObservations) {
  const ScratchFolder folder;
  const auto run = run_program({"filter", "--obs", shop().observations(), "-o", folder.file("f.nc"), "--members=7"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(lines(run.out), 1) << run.out;
  const auto file = read_ensemble(folder.file("f.nc"));
  EXPECT_EQ(file.ensemble.members.sizes(), (at::IntArrayRef{7, 9, 3}));
  EXPECT_EQ(read_recorded_experiment(file.provenance.config, "f.nc").dynamics.system, "lorenz63");
}

TEST(Program, BaselineWritesEnsemblesThatEvaluateAndReportRead) {
  const ScratchFolder folder;
  const auto baseline = [&](const std::string& method, std::vector<std::string> more) {
    std::vector<std::string> all{"baseline", method, "--obs", shop().observations(), "-o", folder.file(method + ".nc")};
    all.insert(all.end(), more.begin(), more.end());
    const auto run = run_program(all);
    EXPECT_EQ(run.code, 0) << run.err;
    return run.out;
  };
  const auto said = baseline("enks", {"--members=7", "--inflation=1.1", "--filtered", folder.file("filtered.nc")});
  EXPECT_THAT(said, HasSubstr("EnKS (ETKF) of lo"));
  EXPECT_THAT(said, HasSubstr("7 members, 3 analyses"));
  const auto file = read_ensemble(folder.file("enks.nc")), filtered = read_ensemble(folder.file("filtered.nc"));
  EXPECT_EQ(file.ensemble.members.sizes(), (at::IntArrayRef{7, 9, 3}));
  EXPECT_EQ(filtered.ensemble.method, "ETKF");
  // What it was made with travels along.
  const auto recorded = read_recorded_experiment(file.provenance.config, "enks.nc");
  EXPECT_EQ(recorded.baseline.method, "enks");
  EXPECT_EQ(recorded.baseline.inflation, 1.1);
  EXPECT_EQ(recorded.dynamics.system, "lorenz63");

  EXPECT_EQ(lines(baseline("etkf", {"--members=7", "--tune"})), 11);  // ten inflations and the result
  baseline("oi", {});                                                 // one member: no spread, and no ranks
  const auto table = run_program({"evaluate", "--obs", shop().observations(), "--reference", shop().filter(),
                                  folder.file("enks.nc"), folder.file("etkf.nc"), folder.file("oi.nc")});
  ASSERT_EQ(table.code, 0) << table.err;
  for (const char* row : {"enks", "etkf", "oi"}) EXPECT_THAT(table.out, HasSubstr(row));
  const auto report = run_program({"report", "-o", folder.file("report"), "--obs", shop().observations(), "--reference",
                                   shop().filter(), folder.file("oi.nc")});
  EXPECT_EQ(report.code, 0) << report.err;

  const auto noisy = run_program({"baseline", "ienks", "--obs", shop().observations(), "-o", folder.file("i.nc")});
  EXPECT_EQ(noisy.code, 1);
  EXPECT_THAT(noisy.err, HasSubstr("dynamics.noise"));
  const auto unknown = run_program({"baseline", "enkff", "--obs", shop().observations(), "-o", folder.file("i.nc")});
  EXPECT_EQ(unknown.code, 2);
}

TEST(Program, EvaluatePrintsATableWithTheFilterLast) {
  const auto run =
      run_program({"evaluate", "--obs", shop().observations(), "--reference", shop().filter(), shop().posterior()});
  ASSERT_EQ(run.code, 0) << run.err;
  // Below the table a remark: the members of this small prior miss the observations.
  EXPECT_EQ(lines(run.out.substr(0, run.out.find("\n\n") + 1)), 3) << run.out;
  EXPECT_THAT(run.out, HasSubstr("members miss 3 observations"));
  for (const char* part : {"W1 to filter", "filter to filter", "log-prior", "log-likelihood", "RMSE", "spread", "CRPS",
                           "evaluations", "seconds", "posterior", "±"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
  EXPECT_THAT(run.out.substr(run.out.rfind("\nlo") + 1), HasSubstr("filter"));
}

TEST(Program, EvaluateAsJson) {
  const auto run = run_program({"evaluate", "--obs", shop().observations(), "--reference", shop().filter(),
                                shop().posterior(), shop().filter(), "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  ASSERT_EQ(json["ensembles"].size(), 2u);
  const auto& posterior = json["ensembles"][0];
  EXPECT_EQ(posterior["members"], 6);
  EXPECT_GT(posterior["wasserstein"].get<double>(), posterior["wasserstein_floor"].get<double>());
  EXPECT_GT(posterior["log_prior"]["standard_error"].get<double>(), 0);
  EXPECT_EQ(posterior["evaluations"], 128);
  // The same members as the reference: no distance.
  EXPECT_NEAR(json["ensembles"][1]["wasserstein"].get<double>(), 0, 1e-6);
  EXPECT_EQ(json["reference"]["members"], 16);
}

TEST(Program, EvaluateNeedsNoReference) {
  const auto run = run_program({"evaluate", "--obs", shop().observations(), shop().posterior(), "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_TRUE(json["ensembles"][0]["wasserstein"].is_null());
  EXPECT_TRUE(json["ensembles"][0]["log_likelihood"].is_object());
  EXPECT_FALSE(json.contains("reference"));
}

TEST(Program, ReportDrawsEveryCase) {
  const ScratchFolder folder;
  const std::string hi = folder.file("hi.nc"), hi_posterior = folder.file("hi_posterior.nc");
  ASSERT_EQ(run_program({"observe", "--data", shop().data() + "/test.nc", "--name", "hi", "-o", hi}).code, 0);
  ASSERT_EQ(
      run_program({"assimilate", "--keep-diverged", "--model", shop().model(), "--obs", hi, "-o", hi_posterior}).code,
      0);
  const auto run = run_program({"report", "-o", folder.file("report"), "--obs", shop().observations(), "--obs", hi,
                                shop().posterior(), hi_posterior, "--title", "Two cases"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("reported 2 cases"));
  for (const char* name : {"report.html", "lo.png", "hi.png"}) {
    EXPECT_GT(std::filesystem::file_size(folder.file(std::string("report/") + name)), 1000u) << name;
  }
  EXPECT_THAT(read_bytes(folder.file("report/report.html")), HasSubstr("Two cases"));
}

TEST(Program, InspectKnowsEveryKind) {
  for (const auto& [path, kind] :
       {std::pair{shop().data() + "/train.nc", "trajectories"}, std::pair{shop().model(), "model"},
        std::pair{shop().observations(), "observations"}, std::pair{shop().posterior(), "ensemble"}}) {
    const auto run = run_program({"inspect", path});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr(kind));
  }
}

TEST(Program, ImportTakesOverTheReferencesWeights) {
  const ScratchFolder folder;
  const std::string json = folder.file("config.json");
  write_bytes(json, R"({"window": 5, "embedding": 16, "width": 32, "depth": 3, "activation": "SiLU"})");
  const auto run = run_program(
      {"import", "--state", SDA_GOLDEN_DIR "/lorenz_local.pth", "--config", json, "-o", folder.file("model.nc")});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(lines(run.out), 1) << run.out;
  const auto prior = read_model(folder.file("model.nc")).prior;
  EXPECT_EQ(prior.network_parameters.order, 2);
  EXPECT_EQ(prior.network_parameters.width, 32);
}

TEST(Program, KeysAreAConfigurationToStartFrom) {
  const auto keys = run_program({"keys"});
  ASSERT_EQ(keys.code, 0) << keys.err;
  const ScratchFolder folder;
  write_bytes(folder.file("mine.toml"), keys.out);
  EXPECT_EQ(read_experiment(folder.file("mine.toml")).sampler.steps, SamplerParameters{}.steps);
}

TEST(Program, ResultsGoToStdoutAndTheLogToStderr) {
  const ScratchFolder folder;
  const auto run = run_program({"filter", "--obs", shop().observations(), "-o", folder.file("f.nc")});
  EXPECT_THAT(run.out, StartsWith("filtered lo"));
  EXPECT_THAT(run.err, Not(HasSubstr("filtered lo")));
  EXPECT_THAT(run.err, HasSubstr("info: "));
}

TEST(Program, QuietItOnlyTellsResults) {
  const ScratchFolder folder;
  const auto run =
      run_program({"filter", "--obs", shop().observations(), "-o", folder.file("f.nc"), "--quiet"}, {.terminal = true});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, StartsWith("filtered lo"));
  EXPECT_EQ(run.err, "");
}

TEST(Program, ProgressIsDrawnOnATerminalOnly) {
  const ScratchFolder folder;
  const std::vector<std::string> arguments{"train", "--data", shop().data(), "-o", folder.file("m.nc")};
  const auto plain = run_program(arguments);
  const auto terminal = run_program(arguments, {.terminal = true});
  EXPECT_THAT(plain.err, Not(HasSubstr("\r")));
  EXPECT_THAT(plain.err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(terminal.err, HasSubstr("100 %"));
  EXPECT_THAT(terminal.err, HasSubstr("epochs/s"));
  EXPECT_THAT(terminal.err, HasSubstr("loss "));
  EXPECT_THAT(terminal.out, StartsWith("trained"));
}

}  // namespace
}  // namespace sda::test
