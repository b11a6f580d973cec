/// Links of observation operators: values, pull-backs, arguments and messages by hand.
#include "sda/observation/operator.hpp"

#include <gmock/gmock.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace {

using sda::make_operator;
using sda::OperatorLink;
using sda::Shape;
using sda::Tensor;
using testing::ElementsAre;
using testing::HasSubstr;
using Chain = std::vector<OperatorLink>;

const auto unit = sda::Normalisation::identity({3});

Tensor doubles(std::vector<double> values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).reshape(shape);
}

std::vector<std::int64_t> times(const Chain& chain, std::int64_t length) {
  return make_operator(chain, unit)->times(length);
}

Tensor read(const Chain& chain, const Tensor& states) {
  return make_operator(chain, sda::Normalisation::identity(states.sizes().slice(1)))->read(states);
}

std::string refusal(const Chain& chain) {
  try {
    make_operator(chain, unit);
  } catch (const sda::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal(const std::string& toml) {
  try {
    sda::read_operator(toml, "lo.toml");
  } catch (const sda::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST(OperatorTimes, EveryOffsetAndNamedStates) {
  EXPECT_THAT(times({}, 3), ElementsAre(0, 1, 2));
  EXPECT_THAT(times({{"every", {4}}}, 10), ElementsAre(0, 4, 8));
  EXPECT_THAT(times({{"every", {4}}}, 9), ElementsAre(0, 4, 8));
  EXPECT_THAT(times({{"offset", {3}}}, 5), ElementsAre(3, 4));
  EXPECT_THAT(times({{"times", {0, 2, -1}}}, 10), ElementsAre(0, 2, 9));
}

TEST(OperatorTimes, EachLinkCountsInWhatTheOneBeforeItLeft) {
  EXPECT_THAT(times({{"every", {2}}, {"every", {4}}}, 20), ElementsAre(0, 8, 16));
  EXPECT_THAT(times({{"offset", {3}}, {"every", {8}}}, 20), ElementsAre(3, 11, 19));
  EXPECT_THAT(times({{"every", {8}}, {"offset", {1}}}, 20), ElementsAre(8, 16));
  EXPECT_THAT(times({{"every", {3}}, {"times", {1, -1}}}, 11), ElementsAre(3, 9));
}

TEST(OperatorTimes, RefusesStatesThatAreNotThere) {
  EXPECT_THROW(times({{"times", {10}}}, 10), sda::ShapeError);
  EXPECT_THROW(times({{"times", {-11}}}, 10), sda::ShapeError);
  EXPECT_THROW(times({{"times", {-1, 9}}}, 10), sda::ShapeError);  // twice the same
  EXPECT_THROW(times({{"times", {-1, 0}}}, 10), sda::ShapeError);  // descending
  EXPECT_THROW(times({{"offset", {10}}}, 10), sda::ShapeError);
}

TEST(OperatorRead, Formulas) {
  const auto x = doubles({1, -2, 3, -4, 5, -6}, {2, 3});
  EXPECT_TRUE(read({{"select", {2, 0}}}, x).equal(doubles({3, 1, -6, -4}, {2, 2})));
  EXPECT_TRUE(read({{"square", {}}}, x).equal(doubles({1, 4, 9, 16, 25, 36}, {2, 3})));
  EXPECT_TRUE(read({{"abs", {}}}, x).equal(doubles({1, 2, 3, 4, 5, 6}, {2, 3})));
  EXPECT_TRUE(read({{"scale", {0.5}}}, x).equal(x / 2));
  EXPECT_TRUE(
      read({{"saturate", {}}}, x).allclose(doubles({0.5, -2.0 / 3, 0.75, -0.8, 5.0 / 6, -6.0 / 7}, {2, 3}), 0, 1e-15));
  EXPECT_TRUE(read({{"coarsen", {3}}}, x).allclose(doubles({2.0 / 3, -5.0 / 3}, {2, 1}), 0, 1e-15));
}

TEST(OperatorRead, CoarsensSpaceAndKeepsComponents) {
  const auto field = at::arange(2 * 4 * 4, at::kDouble).reshape({1, 2, 4, 4});
  EXPECT_TRUE(
      read({{"coarsen", {2}}}, field).equal(doubles({2.5, 4.5, 10.5, 12.5, 18.5, 20.5, 26.5, 28.5}, {1, 2, 2, 2})));
  EXPECT_TRUE(read({{"coarsen", {4}}, {"select", {1}}}, field).equal(doubles({23.5}, {1, 1, 1, 1})));
}

TEST(OperatorRead, PhysicalUnits) {
  const sda::Normalisation lorenz{doubles({0, 0, 25}, {3}), doubles({8, 9, 8.6}, {3})};
  const auto op = make_operator({{"physical", {}}, {"select", {2}}}, lorenz);
  EXPECT_TRUE(op->read(doubles({1, 1, 1}, {1, 3})).equal(doubles({33.6}, {1, 1})));
  EXPECT_FALSE(op->is_linear());
  EXPECT_TRUE(op->is_affine());
  EXPECT_TRUE(make_operator({{"physical", {}}}, unit)->is_linear());
  EXPECT_THROW(op->reading_shape({4}), sda::ShapeError);
  EXPECT_THAT(refusal({{"square", {}}, {"physical", {}}}), HasSubstr("physical before every link"));
}

TEST(OperatorApply, ReadsChosenStatesOfWholeTrajectories) {
  const auto x = at::arange(2 * 5 * 3, at::kFloat).reshape({2, 5, 3});
  for (const Chain& chain : {Chain{{"every", {4}}, {"select", {1}}}, Chain{{"select", {1}}, {"every", {4}}}}) {
    const auto op = make_operator(chain, unit);
    EXPECT_TRUE(op->apply(x).equal(at::tensor({1, 13, 16, 28}, at::kFloat).reshape({2, 2, 1})));
    const auto g = op->apply_pull_back(x, at::tensor({1, 2, 3, 4}, at::kFloat).reshape({2, 2, 1}));
    auto wanted = at::zeros({2, 5, 3}, at::kFloat);
    wanted[0][0][1] = 1;
    wanted[0][4][1] = 2;
    wanted[1][0][1] = 3;
    wanted[1][4][1] = 4;
    EXPECT_TRUE(g.equal(wanted));
  }
}

TEST(OperatorApply, RefusesShapesInWords) {
  const auto op = make_operator({{"every", {4}}, {"select", {1}}}, unit);
  const auto x = at::zeros({2, 5, 3});
  EXPECT_THROW(op->apply(at::zeros({5, 3})), sda::ShapeError);
  EXPECT_THROW(op->apply(at::zeros({2, 5, 1})), sda::ShapeError);
  EXPECT_THROW(op->apply_pull_back(x, at::zeros({2, 2, 3})), sda::ShapeError);
  EXPECT_THROW(read({{"coarsen", {2}}}, at::zeros({1, 3})), sda::ShapeError);
}

TEST(OperatorPullBack, DefaultDifferentiatesTheReading) {
  struct Cube final : sda::ObservationOperator {
    std::vector<std::int64_t> times(std::int64_t) const override { return {1}; }
    Tensor read(const Tensor& x) const override { return x * x * x; }
    bool is_linear() const override { return false; }
    Shape reading_shape(at::IntArrayRef event) const override { return event.vec(); }
    std::string describe() const override { return "cube"; }
  };
  const auto x = doubles({1, 2, 3}, {1, 3, 1});
  const auto g = Cube().apply_pull_back(x, doubles({10}, {1, 1, 1}));
  EXPECT_TRUE(g.equal(doubles({0, 120, 0}, {1, 3, 1})));
  at::NoGradGuard no_grad;
  EXPECT_TRUE(Cube().apply_pull_back(x, doubles({10}, {1, 1, 1})).equal(g));
  c10::InferenceMode inference;
  EXPECT_TRUE(Cube().apply_pull_back(x.clone(), doubles({10}, {1, 1, 1})).equal(g));
}

TEST(OperatorLinks, DescribedForPeople) {
  EXPECT_EQ(make_operator({{"every", {8}}, {"select", {0}}}, unit)->describe(), "every 8th state → component 0");
  EXPECT_EQ(make_operator({{"offset", {3}}, {"every", {2}}, {"square", {}}}, unit)->describe(),
            "all states but the first 3, of these every 2nd state → square");
  EXPECT_EQ(make_operator({{"times", {-1}}, {"abs", {}}, {"select", {0, 1}}}, unit)->describe(),
            "state -1 → absolute value → components 0, 1");
  EXPECT_EQ(make_operator({{"every", {113}}}, unit)->describe(), "every 113th state");
  EXPECT_EQ(make_operator({{"coarsen", {3}}, {"saturate", {}}}, unit)->describe(),
            "every state → average of blocks of 3 → x / (1 + |x|)");
}

TEST(OperatorLinks, RefusesUnknownKindsAndBadValues) {
  EXPECT_THAT(refusal({{"evry", {8}}}), HasSubstr("did you mean every?"));
  EXPECT_THAT(refusal({{"every", {0}}}), HasSubstr("found 0, wanted an integer of at least 1"));
  EXPECT_THAT(refusal({{"every", {2.5}}}), HasSubstr("found 2.5"));
  EXPECT_THAT(refusal({{"every", {}}}), HasSubstr("one number"));
  EXPECT_THAT(refusal({{"every", {1e300}}}), HasSubstr("an integer"));
  EXPECT_THAT(refusal({{"offset", {-1}}}), HasSubstr("at least 0"));
  EXPECT_THAT(refusal({{"times", {}}}), HasSubstr("empty list"));
  EXPECT_THAT(refusal({{"select", {-1}}}), HasSubstr("at least 0"));
  EXPECT_THAT(refusal({{"square", {1}}}), HasSubstr("wanted true"));
  EXPECT_THAT(refusal({{"scale", {std::nan("")}}}), HasSubstr("a finite number"));
}

TEST(OperatorToml, ReadsBackExactly) {
  const Chain chain{{"offset", {1}},    {"every", {8}}, {"times", {0, 3, -1}},  {"physical", {}},
                    {"select", {0, 2}}, {"square", {}}, {"scale", {0.1 + 0.2}}, {"scale", {-1e-300}}};
  const auto text = sda::to_toml(chain);
  EXPECT_EQ(text,
            "[{offset = 1}, {every = 8}, {times = [0, 3, -1]}, {physical = true}, {select = [0, 2]}, {square = true}, "
            "{scale = 0.30000000000000004}, {scale = -1e-300}]");
  EXPECT_EQ(sda::read_operator(text, "text"), chain);
  EXPECT_EQ(sda::read_operator("[]", "text"), Chain{});
  EXPECT_EQ(sda::to_toml(Chain{}), "[]");
}

TEST(OperatorToml, RefusesWhatIsNotAChain) {
  EXPECT_THAT(refusal("[{square = false}]"), HasSubstr("found false, wanted true"));
  EXPECT_THAT(refusal("[{square = true}, {evry = 2}]"), HasSubstr("lo.toml: link 2"));
  EXPECT_THAT(refusal("[{every = [8]}]"), HasSubstr("one number"));
  EXPECT_THAT(refusal("[{select = 0}]"), HasSubstr("a list of numbers"));
  EXPECT_THAT(refusal("[{select = ['x']}]"), HasSubstr("not a number"));
  EXPECT_THAT(refusal("[{every = 8, select = [0]}]"), HasSubstr("a list of links"));
  EXPECT_THAT(refusal("{every = 8}"), HasSubstr("a list of links"));
  EXPECT_THAT(refusal("[]\nseed = 1"), HasSubstr("a list of links"));
  EXPECT_THAT(refusal("[{every = 8"), HasSubstr("lo.toml: not an operator"));
}

TEST(OperatorToml, NamesEveryKind) {
  const auto kinds = sda::operator_kinds();
  EXPECT_EQ(kinds.size(), 10u);
  for (const auto& [name, help] : kinds) EXPECT_FALSE(help.empty()) << name;
}
