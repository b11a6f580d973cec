/// CF decoding: what stored numbers stand for and which of them are missing, by hand (CF 1.8, 2.5.1 and 8.1; NetCDF
/// Users' Guide, appendix B).
#include "data/formats/cf_decoding.hpp"

#include <gmock/gmock.h>
#include <netcdf.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include "core/torch.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"

namespace sda::test {
namespace {

using testing::ElementsAre;

/// A variable v(x) as the C library writes it.
class CfDecoding : public testing::Test {
 protected:
  template <class Number>
  std::vector<double> decode(nc_type type, const std::vector<Number>& stored,
                             const std::function<void(int file, int variable)>& set = {},
                             int format = NC_NETCDF4) const {
    const std::string path = folder_.file("v.nc");
    int file = -1, dimension = -1, variable = -1;
    check(nc_create(path.c_str(), format | NC_CLOBBER, &file));
    check(nc_def_dim(file, "x", stored.size(), &dimension));
    check(nc_def_var(file, "v", type, 1, &dimension, &variable));
    if (set) set(file, variable);
    check(nc_enddef(file));
    check(nc_put_var(file, variable, stored.data()));
    check(nc_close(file));
    const io::NetcdfReader reader(path);
    const Tensor values = io::read_decoded(reader.root(), "v", at::kDouble).contiguous();
    return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
  }
  static void check(int status) { ASSERT_EQ(status, NC_NOERR) << nc_strerror(status); }
  static std::function<void(int, int)> doubles(const std::string& name, std::vector<double> numbers,
                                               nc_type type = NC_DOUBLE) {
    return [=](int file, int variable) {
      check(nc_put_att_double(file, variable, name.c_str(), type, numbers.size(), numbers.data()));
    };
  }
  static std::function<void(int, int)> text(const std::string& name, const std::string& value, bool of_file = false) {
    return [=](int file, int variable) {
      check(nc_put_att_text(file, of_file ? NC_GLOBAL : variable, name.c_str(), value.size(), value.data()));
    };
  }
  static std::function<void(int, int)> all(std::vector<std::function<void(int, int)>> some) {
    return [=](int file, int variable) {
      for (const auto& one : some) one(file, variable);
    };
  }

  ScratchFolder folder_;
};

MATCHER(Gone, "is missing") {
  return std::isnan(arg);
}

using Shorts = std::vector<std::int16_t>;
using Floats = std::vector<float>;

TEST_F(CfDecoding, UnpacksAndTakesTheFillValueAsMissing) {
  const auto packed =
      all({doubles("scale_factor", {0.5}), doubles("add_offset", {10}), doubles("_FillValue", {-32768}, NC_SHORT)});
  EXPECT_THAT(decode(NC_SHORT, Shorts{0, 7, -32768}, packed), ElementsAre(10, 13.5, Gone()));
}

TEST_F(CfDecoding, ScaleAndMissingValueAsText) {
  const auto packed = all({text("scale_factor", "0.5"), text("missing_value", "-999")});
  EXPECT_THAT(decode(NC_SHORT, Shorts{4, -999}, packed), ElementsAre(2, Gone()));
}

TEST_F(CfDecoding, ValidRangeIsOfPackedNumbers) {
  const auto scale = doubles("scale_factor", {0.01});
  EXPECT_THAT(decode(NC_SHORT, Shorts{-301, -300, 4500, 32767},
                     all({scale, doubles("valid_min", {-300}, NC_SHORT), doubles("valid_max", {4500}, NC_SHORT)})),
              ElementsAre(Gone(), -3, 45, Gone()));
  EXPECT_THAT(decode(NC_SHORT, Shorts{-1, 0, 100, 101}, all({scale, doubles("valid_range", {0, 100}, NC_SHORT)})),
              ElementsAre(Gone(), 0, 1, Gone()));
  // Another integer type than the variable's changes nothing.
  EXPECT_THAT(decode(NC_SHORT, Shorts{-1, 0, 100, 101}, all({scale, doubles("valid_range", {0, 100}, NC_INT)})),
              ElementsAre(Gone(), 0, 1, Gone()));
}

TEST_F(CfDecoding, ValidRangeOfTheTypeOfTheScaleIsOfUnpackedNumbers) {
  const auto packed = all({doubles("scale_factor", {0.01}), doubles("valid_range", {0, 0.5}, NC_DOUBLE)});
  EXPECT_THAT(decode(NC_SHORT, Shorts{-1, 0, 50, 51}, packed), ElementsAre(Gone(), 0, 0.5, Gone()));
  EXPECT_THAT(decode(NC_FLOAT, Floats{-1, 0, 0.5, 0.75}, doubles("valid_range", {0, 0.5}, NC_FLOAT)),
              ElementsAre(Gone(), 0, 0.5, Gone()));
}

TEST_F(CfDecoding, UnsignedNumbersInSignedTypes) {
  const auto bytes = all({text("_Unsigned", "true"), doubles("_FillValue", {-1}, NC_BYTE)});
  EXPECT_THAT(decode(NC_BYTE, std::vector<std::int8_t>{0, 127, -128, -2, -1}, bytes),
              ElementsAre(0, 127, 128, 254, Gone()));
  const auto valid = all({text("_Unsigned", "true"), doubles("valid_max", {-56}, NC_BYTE)});  // 200
  EXPECT_THAT(decode(NC_BYTE, std::vector<std::int8_t>{-56, -55}, valid), ElementsAre(200, Gone()));
  EXPECT_THAT(decode(NC_SHORT, Shorts{-1, 1}, all({text("_Unsigned", "true"), doubles("scale_factor", {2})})),
              ElementsAre(131070, 2));
}

TEST_F(CfDecoding, FillValueOfAnotherType) {
  EXPECT_THAT(decode(NC_FLOAT, Floats{1, -999.9F}, doubles("missing_value", {-999.9}, NC_DOUBLE)),
              ElementsAre(1, Gone()));
  // 1e20 is no short: it is meant of the numbers that these stand for, where it never occurs.
  EXPECT_THAT(decode(NC_SHORT, Shorts{1, 2}, doubles("missing_value", {1e20}, NC_FLOAT)), ElementsAre(1, 2));
  const auto unpacked = all({doubles("scale_factor", {0.1}), doubles("missing_value", {-99.9}, NC_FLOAT)});
  EXPECT_THAT(decode(NC_SHORT, Shorts{-999, 10}, unpacked), ElementsAre(Gone(), 1));
}

TEST_F(CfDecoding, SeveralMissingValuesAndThoseOfTheFile) {
  EXPECT_THAT(decode(NC_FLOAT, Floats{1, -1, -2, -3}, doubles("missing_value", {-1, -2}, NC_FLOAT)),
              ElementsAre(1, Gone(), Gone(), -3));
  const auto of_file = [](int file, int) {
    const double number = -9;
    check(nc_put_att_double(file, NC_GLOBAL, "missing_value", NC_DOUBLE, 1, &number));
  };
  EXPECT_THAT(decode(NC_FLOAT, Floats{1, -9}, of_file), ElementsAre(1, Gone()));
  const auto own = all({of_file, doubles("missing_value", {-1}, NC_FLOAT)});
  EXPECT_THAT(decode(NC_FLOAT, Floats{-1, -9}, own), ElementsAre(Gone(), -9));
}

TEST_F(CfDecoding, NumbersThatAreWrittenAsText) {
  EXPECT_THAT(decode(NC_FLOAT, Floats{1, -999, -9999}, text("missing_value", "-999, -9999")),
              ElementsAre(1, Gone(), Gone()));
  EXPECT_THAT(decode(NC_FLOAT, Floats{1, -999}, text("missing_value", "-999.", /*of_file=*/true)),
              ElementsAre(1, Gone()));
  EXPECT_THAT(decode(NC_FLOAT, Floats{1, 11}, text("valid_range", "0 10")), ElementsAre(1, Gone()));
  EXPECT_THAT(decode(NC_FLOAT, Floats{1, -999}, text("missing_value", "none")), ElementsAre(1, -999));
}

TEST_F(CfDecoding, WhatLiesOutsideIsCountedApartFromWhatIsMissing) {
  decode(NC_SHORT, Shorts{-1, 0, 100, 101, 102, -32768},
         all({doubles("scale_factor", {0.5}), doubles("valid_range", {0, 100}, NC_SHORT),
              doubles("_FillValue", {-32768}, NC_SHORT)}));
  const io::NetcdfReader reader(folder_.file("v.nc"));
  EXPECT_EQ(io::decode(reader.root(), "v", at::kDouble).outside_range, 3);
}

TEST_F(CfDecoding, WhatWasNeverWritten) {
  EXPECT_THAT(decode(NC_SHORT, Shorts{1, NC_FILL_SHORT}), ElementsAre(1, Gone()));
  EXPECT_THAT(decode(NC_INT, std::vector<int>{1, NC_FILL_INT}), ElementsAre(1, Gone()));
  EXPECT_THAT(decode(NC_FLOAT, Floats{1, NC_FILL_FLOAT}), ElementsAre(1, Gone()));
  EXPECT_THAT(decode(NC_BYTE, std::vector<std::int8_t>{1, NC_FILL_BYTE}), ElementsAre(1, NC_FILL_BYTE));
  const auto not_filled = [](int file, int variable) { check(nc_def_var_fill(file, variable, NC_NOFILL, nullptr)); };
  EXPECT_THAT(decode(NC_SHORT, Shorts{1, NC_FILL_SHORT}, not_filled), ElementsAre(1, NC_FILL_SHORT));
}

TEST_F(CfDecoding, ClassicFilesAreReadTheSame) {
  const auto packed = all({doubles("scale_factor", {0.5}), doubles("_FillValue", {-1}, NC_SHORT)});
  for (const int format :
       {NC_CLASSIC_MODEL, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4 | NC_CLASSIC_MODEL, NC_NETCDF4}) {
    EXPECT_THAT(decode(NC_SHORT, Shorts{4, -1}, packed, format), ElementsAre(2, Gone())) << format;
    const io::NetcdfReader reader(folder_.file("v.nc"));
    EXPECT_FALSE(reader.root().has_group("ObsValue")) << format;
  }
}

}  // namespace
}  // namespace sda::test
