/// TorchScript of the user's own, as an operator and as a network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "saved_script.hpp"
#include "scratch_folder.hpp"
#include "sda/core/code.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"
#include "sda/experiment/run.hpp"
#include "sda/observation/operator.hpp"
#include "sda/observation/operator_toml.hpp"
#include "sda/prior/network.hpp"
#include "sda/prior/prior.hpp"
#include "sda/training/trainer.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

using test::ScratchFolder;
using testing::AllOf;
using testing::HasSubstr;

std::string saved(const ScratchFolder& folder, const std::string& name, const std::string& forward,
                  at::ScalarType dtype = at::kFloat) {
  return test::saved_script(folder.file(name + ".pt"), forward, dtype);
}

const StateLayout layout{.event = {3}, .variables = {{"x", "x"}, {"y", "y"}, {"z", "z"}}, .space_names = {}};
const Normalisation normalisation{.mean = at::tensor({1., -2., 3.}, at::kDouble),
                                  .std = at::tensor({2., 0.5, 4.}, at::kDouble)};

template <class Throwing>
std::string refusal(const Throwing& throwing) {
  try {
    throwing();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ScriptOperator, ReadsAndPullsBackAsTheSameFormulaDoes) {
  const ScratchFolder folder;
  const auto path = saved(
      folder, "length", "def forward(self, s):\n  return self.a * (s * s).sum(-1, keepdim=True).sqrt()\n", at::kDouble);
  const auto script = make_operator(
      {{"every", {2}}, {"physical", {}}, {.kind = "torchscript", .numbers = {}, .text = path}}, layout, normalisation);
  const auto formula = make_operator(
      {{"every", {2}}, {"physical", {}}, {.kind = "expression", .numbers = {}, .text = "2 * sqrt(x^2 + y^2 + z^2)"}},
      layout, normalisation);
  EXPECT_EQ(script->observation_shape(layout.event), Shape{1});
  EXPECT_FALSE(script->is_affine());
  EXPECT_THAT(script->describe(), HasSubstr("TorchScript " + path));
  const Tensor x = normal({4, 7, 3}, {.seed = 1}, at::kDouble), v = normal({4, 4, 1}, {.seed = 2}, at::kDouble);
  EXPECT_TRUE(at::allclose(script->apply(x), formula->apply(x), 0, tolerance::exact_float64));
  EXPECT_TRUE(at::allclose(script->apply_vjp(x, v), formula->apply_vjp(x, v), 0, tolerance::exact_float64));
  // Text of files and back.
  const std::vector<OperatorLink> chain{{"physical", {}}, {.kind = "torchscript", .numbers = {}, .text = path}};
  EXPECT_EQ(read_operator(to_toml(chain), "here"), chain);
}

TEST(ScriptOperator, RefusesWhatIsNoOperatorOfTheseStates) {
  const ScratchFolder folder;
  const auto made = [&](const std::string& path, bool physical = true) {
    return refusal([&] {
      std::vector<OperatorLink> chain{{.kind = "torchscript", .numbers = {}, .text = path}};
      if (physical) chain.insert(chain.begin(), {"physical", {}});
      make_operator(chain, layout, normalisation);
    });
  };
  EXPECT_THAT(made(folder.file("none.pt")), HasSubstr("none.pt: no such file"));
  std::ofstream(folder.file("text.pt")) << "not a module";
  EXPECT_THAT(made(folder.file("text.pt")), HasSubstr("expected a file that torch.jit.save wrote"));
  const auto four = saved(folder, "four", "def forward(self, s):\n  return self.a * s @ torch.ones(4, 1)\n");
  EXPECT_THAT(made(four), HasSubstr("four.pt: forward of a TorchScript module failed on inputs 2 × 3"));
  const auto all = saved(folder, "all", "def forward(self, s):\n  return self.a * s.sum()\n");
  EXPECT_THAT(made(all), HasSubstr("does not give an observation for each state"));
  const auto two = saved(folder, "two", "def forward(self, s):\n  return s, s\n");
  EXPECT_THAT(made(two), HasSubstr("found Tuple, expected one tensor"));
  const auto fine = saved(folder, "fine", "def forward(self, s):\n  return self.a * s\n");
  EXPECT_EQ(made(fine), "accepted");
  EXPECT_THAT(made(fine, /*physical=*/false), HasSubstr("a function of your own is of physical values"));
}

/// A function in C++, with a VJP of its own.
class Weighted final : public StateFunction {
 public:
  explicit Weighted(double weight) : weight_(weight) {}
  Tensor read(const Tensor& states) const override { return weight_ * states.square().sum(1); }
  Tensor vjp(const Tensor& states, const Tensor& v) const override { return 2 * weight_ * states * v.reshape({-1, 1}); }

 private:
  double weight_;
};

const bool known = register_link("weighted_squares", "a: a (x^2 + y^2 + z^2)",
                                 [](const std::vector<double>& numbers, at::IntArrayRef field) {
                                   EXPECT_EQ(field, at::IntArrayRef({3}));
                                   return std::make_shared<Weighted>(numbers.front());
                                 });

TEST(RegisteredOperator, IsALinkLikeAnyOther) {
  EXPECT_TRUE(known);
  const auto registered = make_operator(
      read_operator("[{every = 2}, {physical = true}, {weighted_squares = 0.5}]", "here"), layout, normalisation);
  const auto formula =
      make_operator(read_operator("[{every = 2}, {physical = true}, {expression = \"(x^2 + y^2 + z^2) / 2\"}]", "here"),
                    layout, normalisation);
  const Tensor x = normal({4, 7, 3}, {.seed = 1}, at::kDouble), v = normal({4, 4, 1}, {.seed = 2}, at::kDouble);
  EXPECT_EQ(registered->describe(), "every 2nd state → physical units → weighted_squares");
  EXPECT_TRUE(at::allclose(registered->apply(x), formula->apply(x), 0, tolerance::exact_float64));
  EXPECT_TRUE(at::allclose(registered->apply_vjp(x, v), formula->apply_vjp(x, v), 0, tolerance::exact_float64));
  EXPECT_THAT(refusal([] { register_link("every", "again", {}); }), HasSubstr("every: an operator link of this name"));
}

/// ε of states that are N(0, 1), each by itself, is σ x(t) where μ² + σ² is 1: a, times what grows with t.
/// The product wants t in the weights' dtype, whatever the caller's.
const char* const of_noise =
    "def forward(self, x, t):\n  return torch.mm(t.reshape(-1, 1), self.a.reshape(1, 1)).unsqueeze(2) * x\n";

Prior prior_of(const std::string& path) {
  Prior prior;
  prior.network_parameters = {.kind = NetworkKind::torchscript, .order = 1, .script = path};
  prior.layout = layout;
  prior.normalisation = normalisation;
  prior.network = make_network(prior.network_parameters, layout.event, 0);
  return prior;
}

TEST(ScriptNetwork, IsTrainedAndTravelsWithItsModelFile) {
  const ScratchFolder folder;
  const auto path = saved(folder, "noise", of_noise);
  Prior prior = prior_of(path);
  const Tensor windows = normal({5, 3, 3}, {.seed = 3}), t = at::full({}, 0.25, at::kDouble);
  EXPECT_TRUE(at::allclose(prior.network->forward(windows, t), windows / 2));
  EXPECT_EQ(prior.network->parameters().at(0).name, "a");

  Trajectories data;
  data.layout = layout;
  data.states = normalisation.denormalise(normal({40, 9, 3}, {.seed = 5}));
  TrainingParameters training;
  training.epochs = 60;
  training.batch = 20;
  training.learning_rate = 2e-2;
  prior.network_parameters.script_bytes = std::make_shared<const std::string>(prior.network->script());
  Trainer trainer(prior, training, data, data, 7);
  const double before = trainer.validation_loss();
  trainer.run({}, {});
  EXPECT_LT(trainer.validation_loss(), 0.8 * before);
  const Prior trained = trainer.result();
  const Tensor expected = trained.network->forward(windows, t);
  EXPECT_GT((expected - windows / 2).abs().max().item<double>(), 0.01);

  write_model(folder.file("model.nc"), trained, nullptr, {});
  std::filesystem::remove(path);
  EXPECT_THAT(refusal([&] { read_model(folder.file("model.nc")); }), HasSubstr("--allow-code"));
  const Prior read = [&] {
    const AllowCode allowed;
    return read_model(folder.file("model.nc")).prior;
  }();
  EXPECT_FALSE(AllowCode::given());
  EXPECT_TRUE(read.network->forward(windows, t).equal(expected));
  // Its score composes and is pulled back like any other.
  const auto score = make_prior_score(read, std::int64_t{1} << 30);
  const Tensor x = normal({2, 8, 3}, {.seed = 6});
  const Tensor epsilon = score->epsilon(x, 0.25);
  const double a = read.network->parameters().at(0).value.item<double>();
  EXPECT_TRUE(at::allclose(epsilon, a * 0.25 * x, 1e-5, 1e-6));
}

TEST(ScriptCode, OfFilesIsRunOnlyWhereItMay) {
  const ScratchFolder folder;
  const auto path = saved(folder, "length", "def forward(self, s):\n  return (s * s).sum(1, keepdim=True).sqrt()\n");
  const std::vector<OperatorLink> chain{{"physical", {}}, {.kind = "torchscript", .numbers = {}, .text = path}};
  const Tensor truth = normalisation.denormalise(normal({9, 3}, {.seed = 5}));
  const auto observed = observe(truth, layout, normalisation, chain, Noise({0.1}), "length", 1, 0);
  write_observations(folder.file("length.nc"), observed, "", {});
  EXPECT_THAT(
      refusal([&] { read_observations(folder.file("length.nc")); }),
      AllOf(HasSubstr("length.nc: a TorchScript module would be run"), HasSubstr(path), HasSubstr("--allow-code")));
  const AllowCode allowed;
  EXPECT_EQ(read_observations(folder.file("length.nc")).observations.parts.size(), 1U);
}

TEST(ScriptCode, OfRecordsIsRunOnlyWhereItMay) {
  Experiment recorded;
  EXPECT_EQ(refusal([&] { require_no_code(recorded.network, "train.nc"); }), "accepted");
  recorded.network.kind = NetworkKind::torchscript;
  recorded.network.script = "net.pt";
  EXPECT_THAT(refusal([&] { require_no_code(recorded.network, "train.nc"); }),
              AllOf(HasSubstr("train.nc"), HasSubstr("net.pt")));
  const ObservationParameters speed{.op = {{.kind = "torchscript", .numbers = {}, .text = "speed.pt"}}};
  EXPECT_THAT(refusal([&] { require_no_code(speed, "test.nc"); }), HasSubstr("speed.pt"));
  const AllowCode allowed;
  EXPECT_EQ(refusal([&] { require_no_code(speed, "test.nc"); }), "accepted");
}

TEST(ScriptNetwork, RefusesWhatIsNoNetwork) {
  const ScratchFolder folder;
  EXPECT_THAT(refusal([&] { prior_of(""); }), HasSubstr("network.script: a network of TorchScript without a file"));
  EXPECT_THAT(refusal([&] { prior_of(folder.file("none.pt")); }), HasSubstr("none.pt: no such file"));
  const Prior flat = prior_of(saved(folder, "flat", "def forward(self, x, t):\n  return self.a * x.flatten(1)\n"));
  EXPECT_THAT(refusal([&] {
                flat.network->forward(at::ones({2, 3, 3}), at::ones({2}));
              }),
              HasSubstr("does not have the windows' shape: found 2 × 9, expected 2 × 3 × 3"));
}

}  // namespace
}  // namespace sda
