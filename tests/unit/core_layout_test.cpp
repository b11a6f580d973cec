/// How an event is made of variables and space, and normalisation by hand.
#include "sda/core/layout.hpp"

#include <gmock/gmock.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace {

using sda::StateLayout;
using testing::ElementsAre;
using testing::IsEmpty;

const StateLayout lorenz63{.event = {3}, .variables = {{"x", "x"}, {"y", "y"}, {"z", "z"}}, .space_names = {}};
const StateLayout lorenz96{.event = {32}, .variables = {{"x", "x"}}, .space_names = {"site"}};
const StateLayout flow{.event = {2, 64, 32}, .variables = {{"u", "u"}, {"v", "v"}}, .space_names = {"y", "x"}};
const StateLayout vorticity{.event = {1, 64, 32}, .variables = {{"w", "w"}}, .space_names = {"y", "x"}};

}  // namespace

TEST(StateLayout, ChannelsAreVariablesOrSpace) {
  EXPECT_TRUE(lorenz63.channels_are_variables());
  EXPECT_THAT(lorenz63.space(), IsEmpty());
  EXPECT_FALSE(lorenz96.channels_are_variables());
  EXPECT_THAT(lorenz96.space(), ElementsAre(32));
  EXPECT_TRUE(flow.channels_are_variables());
  EXPECT_THAT(flow.space(), ElementsAre(64, 32));
  EXPECT_THAT(vorticity.space(), ElementsAre(64, 32));
  for (const auto& layout : {lorenz63, lorenz96, flow, vorticity}) EXPECT_NO_THROW(layout.check());
}

TEST(StateLayout, RefusesWhatDoesNotFit) {
  auto two_of_three = lorenz63;
  two_of_three.variables.pop_back();
  EXPECT_THROW(two_of_three.check(), sda::ShapeError);
  auto nameless = lorenz96;
  nameless.space_names.clear();
  EXPECT_THROW(nameless.check(), sda::ShapeError);
  EXPECT_THROW((StateLayout{.event = {}, .variables = {{"x", "x"}}, .space_names = {}}).check(), sda::ShapeError);
  EXPECT_THROW((StateLayout{.event = {0}, .variables = {{"x", "x"}}, .space_names = {"site"}}).check(),
               sda::ShapeError);
  auto spaced = flow;
  spaced.spacing = {0.1};
  EXPECT_THROW(spaced.check(), sda::ShapeError);
  spaced.spacing = {0.1, 0.0};
  EXPECT_THROW(spaced.check(), sda::ValueError);
}

TEST(StateLayout, SpacingIsOneWhereItIsNotKnown) {
  EXPECT_EQ(flow.spacing_of(1), 1.0);
  auto spaced = flow;
  spaced.spacing = {0.1, 0.2};
  EXPECT_NO_THROW(spaced.check());
  EXPECT_EQ(spaced.spacing_of(1), 0.2);
}

TEST(Normalisation, OfComponentsAndOfChannels) {
  const sda::Normalisation lorenz{at::tensor({0.0, 0.0, 25.0}, at::kDouble), at::tensor({8.0, 9.0, 8.6}, at::kDouble)};
  const auto x = at::tensor({8.0, -9.0, 33.6}, at::kDouble).expand({2, 4, 3});
  const auto z = lorenz.normalise(x);
  EXPECT_TRUE(z.allclose(at::tensor({1.0, -1.0, 1.0}, at::kDouble).expand({2, 4, 3}), 0, 1e-15));
  EXPECT_TRUE(lorenz.denormalise(z).allclose(x, 0, 1e-14));
  EXPECT_EQ(lorenz.normalise(x.to(at::kFloat)).scalar_type(), at::kFloat);

  const sda::Normalisation channels{at::tensor({1.0, 2.0}, at::kDouble).view({2, 1, 1}),
                                    at::tensor({2.0, 4.0}, at::kDouble).view({2, 1, 1})};
  const auto field = at::ones({5, 2, 3, 3}, at::kDouble);
  EXPECT_TRUE(channels.normalise(field).select(1, 1).eq(-0.25).all().item<bool>());
  const auto identity = sda::Normalisation::identity({2, 3, 3});
  EXPECT_TRUE(identity.normalise(field).equal(field));
}
