/// Units of measure: conversions worked out by hand.
#include "core/units.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace sda::test {
namespace {

void expect_conversion(const std::string& from, const std::string& to, double value, double expected) {
  const auto convert = conversion_of_units(from, to);
  ASSERT_TRUE(convert) << from << " → " << to;
  EXPECT_NEAR((*convert)(value), expected, 1e-12 * std::abs(expected)) << from << " → " << to;
}

TEST(Units, ScaleAndOffset) {
  expect_conversion("degC", "K", 17, 290.15);
  expect_conversion("K", "degC", 290.15, 17);
  expect_conversion("degF", "K", 62.6, 290.15);
  expect_conversion("knots", "m s-1", 3600, 1852);
  expect_conversion("hPa", "Pa", 1013.25, 101325);
  expect_conversion("mm", "m", 5, 0.005);
  expect_conversion("percent", "1", 40, 0.4);
  expect_conversion("g kg-1", "1e-3", 35, 35);
  expect_conversion("degrees_east", "degrees_E", 35, 35);
  expect_conversion("hrs", "min", 1.5, 90);
  expect_conversion("Hours", "s", 1, 3600);
}

TEST(Units, TheSameTextIsTheSameUnitKnownOrNot) {
  EXPECT_TRUE(conversion_of_units("psu", "psu")->is_identity());
  EXPECT_TRUE(conversion_of_units("", "1")->is_identity());
  EXPECT_TRUE(conversion_of_units("dimensionless", "1")->is_identity());
}

TEST(Units, NothingWhereOneDoesNotConvert) {
  EXPECT_FALSE(conversion_of_units("m", "s"));
  EXPECT_FALSE(conversion_of_units("C", "K"));
  EXPECT_FALSE(conversion_of_units("psu", "PSU"));
  EXPECT_FALSE(conversion_of_units("dBZ", "mm6 m-3"));  // a logarithm
  EXPECT_FALSE(conversion_of_units("", "m"));
  EXPECT_TRUE(is_unit("m s-1"));
  EXPECT_FALSE(is_unit("furlings"));
}

}  // namespace
}  // namespace sda::test
