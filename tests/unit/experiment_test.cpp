#include "sda/experiment/experiment.hpp"
#include "sda/experiment/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "sda/core/error.hpp"
#include "sda/experiment/run.hpp"

namespace sda {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A TOML file for one test.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("sda_config_test_" + std::to_string(getpid()) + "_" + std::to_string(made_++) + ".toml")) {
    std::ofstream(path_) << text;
  }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;
  ~ConfigFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  static inline int made_ = 0;
  std::filesystem::path path_;
};

void override_all(Experiment& experiment, const std::vector<std::string>& assignments) {
  for (const auto& assignment : assignments) apply_overrides(experiment, {{.assignment = assignment}});
}

std::string refusal(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const ConfigFile file(text);
  try {
    Experiment experiment = read_experiment(file.path());
    override_all(experiment, overrides);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

/// Sets every field to another value within its range.
struct Changer {
  void operator()(const char*, double& value, const char*, const Range& range) {
    const bool bounded = std::isfinite(range.min) && std::isfinite(range.max);
    value = bounded ? range.min + (range.max - range.min) / 3 : value + 0.1;
  }
  void operator()(const char*, std::int64_t& value, const char*, const Range& range) {
    value = std::isfinite(range.max) ? static_cast<std::int64_t>(range.max) : value + 3;
  }
  void operator()(const char*, bool& value, const char*, const Range&) { value = !value; }
  template <Choice Enum>
  void operator()(const char*, Enum& value, const char*) {
    value = *choice_of<Enum>(names_of<Enum>().back());
  }
  void operator()(const char*, std::string& value, const char*, const Range& range) {
    value = range.choices.empty() ? "another" : range.choices.back();
  }
  template <class Number>
  void operator()(const char*, std::vector<Number>& value, const char*, const Range&) {
    for (auto& number : value) number += 1;
    value.push_back(Number(1) / Number(3) + 1);
  }
  void operator()(const char*, std::vector<std::string>& value, const char*, const Range&) {
    value = {"one", "two words", "run/*.nc"};
  }
  void operator()(const char*, std::vector<OperatorLink>& value, const char*, const Range&) {
    value = {{"every", {8}}, {"physical", {}}, {"select", {0, 2}}, {"scale", {1.0 / 3.0}}};
  }
  /// Not beside an operator.
  template <class Parameters>
  void operator()(const char*, std::map<std::string, Parameters>&, const char*, const Range&) {}
};
struct SectionChanger {
  /// Only what its kind has.
  static NoiseShape another_noise() {
    return {.kind = "mixture", .weights = {0.25, 0.75}, .means = {-0.1, 1.0 / 3.0}, .scales = {1, 9}};
  }
  template <class Parameters>
  void operator()(const char*, Parameters& parameters, const char*) {
    Changer changer;
    fields(changer, parameters);
  }
  void operator()(const char*, std::map<std::string, ObservationParameters>& all, const char*) {
    for (const char* name : {"lo", "two words"}) {
      (*this)(name, all[name], "");
      all[name].noise = another_noise();
    }
  }
  void operator()(const char*, ObservationFileParameters& parameters, const char*) {
    Changer changer;
    fields(changer, parameters);
    parameters.noise = another_noise();
  }
};

TEST(Config, ReadsBackWhatItWrote) {
  const Experiment defaults;
  Experiment changed;
  SectionChanger changer;
  sections(changer, changed);
  ASSERT_NE(to_toml(changed), to_toml(defaults));
  const ConfigFile file(to_toml(changed));
  const Experiment read = read_experiment(file.path());
  EXPECT_EQ(to_toml(read), to_toml(changed));
  // Values themselves, once for each type: writing might drop what observation never sees.
  EXPECT_EQ(read.training.learning_rate, changed.training.learning_rate);
  EXPECT_EQ(read.network.channels, changed.network.channels);
  EXPECT_EQ(read.guidance.gamma, changed.guidance.gamma);
  EXPECT_EQ(read.guidance.detach, true);
  EXPECT_EQ(read.schedule.alpha, NoiseAlpha::exp);
  EXPECT_EQ(read.filter.particles, 16387);
  EXPECT_EQ(read.observation.at("two words").op, changed.observation.at("two words").op);
}

TEST(Config, ReadsHeunWithoutAWordOnChurn) {
  const ConfigFile former("[sampler]\npredictor = \"heun\"\nsteps = 8\n");
  const Experiment read = read_experiment(former.path());
  EXPECT_EQ(read.sampler.churn, 0);
  EXPECT_NO_THROW(check(read.sampler));
  const ConfigFile exponential("[sampler]\npredictor = \"exponential\"\n");
  EXPECT_EQ(read_experiment(exponential.path()).sampler.churn, SamplerParameters{}.churn);
}

TEST(Config, NamesOfVersion01MeanWhatTheyMeant) {
  const ConfigFile former("[sampler]\ngrid = \"power\"\nrenewal = 0.5\ncorrector = \"balanced\"\ntau = 1\n");
  const ConfigFile present("[sampler]\ngrid = \"power\"\nchurn = 0.5\ncorrector = \"leimkuhler_matthews\"\ntau = 1\n");
  const Experiment read = read_experiment(former.path());
  EXPECT_EQ(read.sampler.churn, 0.5);
  EXPECT_EQ(read.sampler.corrector, Corrector::leimkuhler_matthews);
  EXPECT_EQ(to_toml(read), to_toml(read_experiment(present.path())));
  Experiment overridden;
  override_all(overridden, {"sampler.renewal=0.5"});
  EXPECT_EQ(overridden.sampler.churn, 0.5);
}

TEST(Config, WithoutAFileEverythingIsDefault) {
  EXPECT_EQ(to_toml(read_experiment("")), to_toml(Experiment{}));
}

TEST(Config, OneNumberStandsForAList) {
  const ConfigFile file("[guidance]\ngamma = 0.03\n[observation.lo]\noperator = {every = 8}\nsigma = 0.05\n");
  const Experiment experiment = read_experiment(file.path());
  EXPECT_EQ(experiment.guidance.gamma, std::vector<double>{0.03});
  EXPECT_EQ(experiment.observation.at("lo").sigma, std::vector<double>{0.05});
  EXPECT_EQ(experiment.observation.at("lo").op, (std::vector<OperatorLink>{{"every", {8}}}));
}

TEST(Config, PartsOfAnObservationAreSectionsOfTheirOwn) {
  const ConfigFile file(
      "[observation.mixed]\nlength = 9\n"
      "[observation.mixed.part.probe]\noperator = [{select = [2]}]\nsigma = 0.1\n"
      "[observation.mixed.part.averages]\noperator = [{every = 4}]\nsigma = [0.1, 0.2, 0.3]\n");
  Experiment experiment = read_experiment(file.path());
  override_all(experiment, {"observation.mixed.part.probe.sigma=0.5"});
  const auto parts = experiment.observation.at("mixed").parts();
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "averages");
  EXPECT_EQ(parts[0].noise.values(), (std::vector<double>{0.1, 0.2, 0.3}));
  EXPECT_EQ(parts[1].name, "probe");
  EXPECT_EQ(parts[1].chain, (std::vector<OperatorLink>{{"select", {2}}}));
  EXPECT_EQ(parts[1].noise.values(), std::vector<double>{0.5});
  const ConfigFile again(to_toml(experiment));
  EXPECT_EQ(to_toml(read_experiment(again.path())), to_toml(experiment));
  EXPECT_THAT(to_toml(experiment), HasSubstr("\n[observation.mixed.part.probe]\noperator = [{select = [2]}]\n"));
}

TEST(Config, NoiseHasAFormAndParameters) {
  const ConfigFile file(
      "[observation.gauge]\noperator = [{every = 4}]\nsigma = 0.5\nnoise = \"censored\"\nbounds = [-inf, 3]\n"
      "[observation.mixed.part.buoy]\noperator = [{every = 4}]\nsigma = 0.5\nnoise = \"student_t\"\n"
      "degrees_of_freedom = 3\n");
  Experiment experiment = read_experiment(file.path());
  const auto gauge = experiment.observation.at("gauge").parts().at(0).noise.shape();
  EXPECT_EQ(gauge.kind, "censored");
  EXPECT_EQ(gauge.bounds, (std::vector<double>{-std::numeric_limits<double>::infinity(), 3}));
  const auto buoy = experiment.observation.at("mixed").parts().at(0).noise;
  EXPECT_EQ(buoy.describe(), "Student-t noise with 3 degrees of freedom and scale 0.5");
  const ConfigFile again(to_toml(experiment));
  EXPECT_EQ(to_toml(read_experiment(again.path())), to_toml(experiment));
  // A form and its parameters may be set by several flags, in any order.
  apply_overrides(experiment, {{.assignment = "observation.gauge.bounds=[]"},
                               {.assignment = "observation.gauge.scales=[1]"},
                               {.assignment = "observation.gauge.noise=mixture"},
                               {.assignment = "observation.gauge.means=[0]"},
                               {.assignment = "observation.gauge.weights=[1]"},
                               {.assignment = "sampler.steps=8"}});
  EXPECT_EQ(experiment.observation.at("gauge").noise.kind, "mixture");
}

TEST(Config, RefusesPartsThatSayTooLittleOrTooMuch) {
  const std::string whole = "[observation.a]\n", part = "[observation.a.part.b]\n";
  const std::string with_operator = "operator = [{every = 2}]\n", sigma = "sigma = 0.1\n";
  EXPECT_THAT(refusal(whole + part + sigma), HasSubstr("observation.a.part.b: a part without operator"));
  EXPECT_THAT(refusal(whole + part + with_operator), HasSubstr("observation.a.part.b: a part without noise"));
  EXPECT_THAT(refusal(whole + with_operator + part + with_operator + sigma),
              HasSubstr("with an operator and with parts"));
  EXPECT_THAT(refusal(whole + "sigma = 0.3\n" + part + with_operator + sigma),
              HasSubstr("observation.a.sigma: a noise beside parts"));
  EXPECT_THAT(refusal(whole + "part = 3\n"), HasSubstr("observation.a.part: bad value: found 3"));
  EXPECT_THAT(refusal(part + "sgima = 0.1\n"),
              HasSubstr("observation.a.part.b.sgima: unknown key; did you mean sigma?"));
}

TEST(Config, OverridesBeatTheFileAndTheLastBeatsTheFirst) {
  const ConfigFile file("[sampler]\nsteps = 64\n");
  Experiment experiment = read_experiment(file.path());
  override_all(experiment, {"sampler.steps=8", "sampler.steps = 16", "guidance.rule=dps", "guidance.gamma=[0.1, 0.2]",
                            "observation.hi={operator = [{every = 1}], sigma = 0.25}", "observation.hi.length=9"});
  EXPECT_EQ(experiment.sampler.steps, 16);
  EXPECT_EQ(experiment.guidance.rule, "dps");
  EXPECT_EQ(experiment.guidance.gamma, (std::vector<double>{0.1, 0.2}));
  EXPECT_EQ(experiment.observation.at("hi").length, 9);
}

TEST(Config, OverridesByAFlagOfTheirOwnAreToldByIt) {
  Experiment experiment;
  try {
    apply_overrides(experiment, {{.assignment = "assimilation.members=0", .flag = "--members 0"}});
    ADD_FAILURE() << "did not throw";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("--members 0: assimilation.members: bad value: found 0"));
  }
}

TEST(Config, SaysFileLineAndKeyOfWhatItRefuses) {
  const auto message = refusal("\n[training]\nbatchs = 3\n");
  EXPECT_THAT(message, HasSubstr(".toml:3: training.batchs: unknown key"));
  EXPECT_THAT(message, HasSubstr("did you mean batch?"));
}

struct Refused {
  const char* name;
  std::string text;
  std::vector<std::string> overrides;
  std::vector<std::string> fragments;
};
class Refusals : public testing::TestWithParam<Refused> {};

TEST_P(Refusals, AreOneLineWithFoundAndWanted) {
  const auto message = refusal(GetParam().text, GetParam().overrides);
  for (const auto& fragment : GetParam().fragments) EXPECT_THAT(message, HasSubstr(fragment));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
}

INSTANTIATE_TEST_SUITE_P(
    Config, Refusals,
    testing::Values(
        Refused{"UnknownSection", "[trainig]\nbatch = 3", {}, {":1: trainig", "[training]?"}},
        Refused{"UnknownSectionWithNothingNear", "[foo]", {}, {"foo", "one of [dynamics], "}},
        Refused{"KeyOutsideSections", "steps = 3", {}, {":1: steps", "outside any section"}},
        Refused{"ValueForSection", "training = 3", {}, {":1: training", "[training]"}},
        Refused{
            "UnknownKeyWithNothingNear", "[sampler]\nfoo = 3", {}, {"sampler.foo", "steps, grid, ", "or noise_until"}},
        Refused{"Range", "[sampler]\nsteps = 0", {}, {":2: sampler.steps", "found 0", "an integer ≥ 1"}},
        Refused{"OpenRange", "[schedule]\neta = 1.0", {}, {"found 1.0", "a number > 0 and < 1"}},
        Refused{"Type", "[sampler]\nsteps = \"many\"", {}, {"found \"many\"", "an integer ≥ 1"}},
        Refused{"FractionForInteger", "[sampler]\nsteps = 2.5", {}, {"found 2.5", "an integer"}},
        Refused{"BooleanForNumber", "[sampler]\ntau = true", {}, {"found true", "a number > 0"}},
        Refused{"NotFinite", "[dynamics]\nrho = nan", {}, {"dynamics.rho", "found nan", "a number"}},
        Refused{"Choice", "[guidance]\nrule = \"sdb\"", {}, {"found \"sdb\"", "sda, mmps, pigdm, dps or none"}},
        Refused{"ChoiceOfAnEnum",
                "[sampler]\ngrid = \"linear\"",
                {},
                {":2: sampler.grid", "found \"linear\"", "uniform, power, log_snr or karras"}},
        Refused{"EmptyList", "[guidance]\ngamma = []", {}, {"found []", "a number ≥ 0, or a list"}},
        Refused{"ElementOfList", "[guidance]\ngamma = [0.1, -1]", {}, {"found -1", "a number ≥ 0"}},
        Refused{"Duplicate", "[sampler]\nsteps = 1\nsteps = 2", {}, {".toml:3", "not TOML", "steps"}},
        Refused{"NotToml", "[sampler\n", {}, {".toml:1", "not TOML"}},
        Refused{"Shares", "[simulation]\ntrain = 0.9\nvalid = 0.2", {}, {"0.9 + 0.2", "a sum ≤ 1"}},
        Refused{"Operator", "[observation.lo]\noperator = [{evry = 8}]", {}, {":2: observation.lo.operator", "every"}},
        Refused{"TwoLinksInOne",
                "[observation.lo]\noperator = [{every = 8, select = [0]}]",
                {},
                {"observation.lo.operator", "a list of links"}},
        Refused{"NoOperator", "[observation.lo]\nsigma = 1", {}, {"observation.lo", "without operator"}},
        Refused{"NegativeSigma",
                "[observation.lo]\noperator = {every = 8}\nsigma = -0.05",
                {},
                {":3: observation.lo.sigma", "found -0.05", "a number > 0"}},
        Refused{"NoiseOfUnknownForm",
                "[observation.lo]\noperator = {every = 8}\nnoise = \"student\"",
                {},
                {":3: observation.lo.noise", "found \"student\"", "gaussian, student_t, laplace"}},
        Refused{"NoiseWithoutItsParameters",
                "[observation.lo]\noperator = {every = 8}\nnoise = \"censored\"",
                {},
                {"observation.lo.bounds: bad parameter of the noise: found none, expected [least, most]"}},
        Refused{"NoiseWithParametersOfAnother",
                "[observation.lo]\noperator = {every = 8}\nbounds = [0, 1]",
                {},
                {"observation.lo.bounds", "noise = \"gaussian\" does not have", "set noise = \"censored\""}},
        Refused{"NoiseOfAnObservationInParts",
                "[observation.lo]\nnoise = \"laplace\"\n[observation.lo.part.a]\noperator = {every = 8}\nsigma = 1",
                {},
                {"observation.lo.noise", "in parts", "[observation.lo.part.NAME]"}},
        Refused{"NoiseByAFlag",
                "[observation.lo]\noperator = {every = 8}",
                {"observation.lo.noise=mixture"},
                {"--set observation.lo.noise=mixture: observation.lo.weights", "a weight for each Gaussian"}},
        Refused{"OverrideOfUnknownKey", "", {"sampler.stps=3"}, {"--set sampler.stps=3: sampler.stps", "steps?"}},
        Refused{"OverrideOutOfRange", "", {"sampler.steps=0"}, {"--set sampler.steps=0", "found 0", "an integer ≥ 1"}},
        Refused{"OverrideOfUnknownObservation",
                "[observation.lo]\noperator = {every = 8}",
                {"observation.lp.sigma=0.1"},
                {"--set observation.lp.sigma=0.1", "did you mean observation.lo?"}},
        Refused{"OverrideWithoutValue", "", {"sampler.steps"}, {"--set sampler.steps", "section.key=value"}},
        Refused{"OverrideWithoutSection", "", {"steps=3"}, {"--set steps=3", "section.key=value"}},
        Refused{"OverrideThatIsNoToml", "", {"guidance.gamma=[0.1"}, {"--set guidance.gamma=[0.1", "not TOML"}}),
    [](const auto& row) { return row.param.name; });

TEST(Config, AMissingFileIsAFileError) {
  EXPECT_THROW(read_experiment("/nowhere/lorenz63.toml"), FileError);
  EXPECT_THROW(read_experiment("/"), FileError);
}

TEST(Config, DamageOfOurOwnFilesIsAFileError) {
  EXPECT_THROW(read_recorded_experiment("[sampler]\nsteps = 0", "model.nc"), FileError);
  EXPECT_THROW(read_dynamics("system = \"lorenz64\"", "obs.nc"), FileError);
}

TEST(Config, DynamicsAloneReadsBack) {
  DynamicsParameters dynamics;
  dynamics.system = "lorenz96";
  dynamics.lorenz96.forcing = 8.1;
  EXPECT_EQ(to_toml(read_dynamics(to_toml(dynamics), "obs.nc")), to_toml(dynamics));
}

// Files of 0.1 and 0.2 say nothing of the order of the sites; those of today say that it is the published one.
TEST(Config, ALorenz96OfFormerVersionsKeepsItsRing) {
  const std::string former = "system = \"lorenz96\"\nsites = 40\n",
                    today = to_toml(DynamicsParameters{.system = "lorenz96"});
  EXPECT_TRUE(read_dynamics(former, "old.nc").lorenz96.mirrored);
  EXPECT_FALSE(read_dynamics(today, "new.nc").lorenz96.mirrored);
  EXPECT_FALSE(read_dynamics("system = \"lorenz63\"\n", "old.nc").lorenz96.mirrored);
  EXPECT_TRUE(read_recorded_experiment("[dynamics]\n" + former, "old.nc").dynamics.lorenz96.mirrored);

  EXPECT_NO_THROW(require_one_ring(former, "old_model.nc", former, "old.nc"));
  EXPECT_NO_THROW(require_one_ring(former, "old_model.nc", "", "buoys.nc"));
  EXPECT_NO_THROW(require_one_ring(former, "old_model.nc", to_toml(DynamicsParameters{}), "lorenz63.nc"));
  EXPECT_NO_THROW(require_one_ring(today, "model.nc", today, "new.nc"));
  try {
    require_one_ring(former, "old_model.nc", today, "new.nc");
    ADD_FAILURE() << "a mirror image was taken for the system";
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("old_model.nc: the model is not of the system that was observed: found the "
                                        "mirrored Lorenz 1996, expected the published Lorenz 1996, as in new.nc"));
  }
  EXPECT_THAT(remark_on_ring(former, "old_model.nc"), HasSubstr("old_model.nc is of the mirrored Lorenz 1996"));
  EXPECT_EQ(remark_on_ring(today, "model.nc"), "");
  EXPECT_EQ(remark_on_ring("", "model.nc"), "");
}

TEST(Config, TheReferenceOfKeysIsAFileOfDefaults) {
  const ConfigFile file(describe_keys());
  Experiment read = read_experiment(file.path());
  EXPECT_EQ(read.observation.erase("NAME"), 1u);
  EXPECT_EQ(read.observation.erase("SEVERAL"), 1u);
  EXPECT_EQ(to_toml(read), to_toml(Experiment{}));
  EXPECT_THAT(describe_keys(), HasSubstr("steps = 256  # predictor steps from t = 1 to t = 0 (an integer ≥ 1)"));
}

}  // namespace
}  // namespace sda
