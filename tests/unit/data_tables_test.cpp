/// Tables of text as archives give them: a column for each variable, NDBC's, ERDDAP's and Excel's; read by hand.
#include <gmock/gmock.h>
#include <zlib.h>

#include "observation_files.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ObservationTables : public ObservationFileTest {
 protected:
  /// Waves and water at one buoy, every hour.
  void moor() {
    layout = {.event = {2},
              .variables = {{"wvht", "waves", "m"}, {"wtmp", "water", "degC"}},
              .space_names = {},
              .dt = 1,
              .time_units = "hours",
              .time_origin = "2022-09-01"};
    normalisation = {at::tensor({2.0, 28.0}, at::kDouble), at::tensor({1.0, 2.0}, at::kDouble)};
    parameters.error = {0.1, 0.2};
  }
};

TEST_F(ObservationTables, AColumnForEachVariable) {
  const auto y = read(
      "time,latitude,longitude,sst,sst_error,ssh,ssh_error,ssh_flag,station\n"
      "12,-20,90,291.5,0.5,,0.1,0,a\n"
      "18,0,45,NaN,0.5,0.25,0.1,0,b\n"
      "18,20,45,289,0.4,0.5,0.1,4,c\n");
  EXPECT_THAT(values(y), ElementsAre(291.5, 0.25, 289));
  EXPECT_THAT(column(y, "variable"), ElementsAre(0, 1, 0));
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 1, 1));
  EXPECT_THAT(column(y, "lat"), ElementsAre(1, 1.5, 2));
  EXPECT_THAT(y.parts.front().noise.values(), ElementsAre(0.5, 0.1, 0.4));
  EXPECT_THAT(y.qc_summary,
              AllOf(HasSubstr("3 of 6 observations used: 2 of sst, 1 of ssh"),
                    HasSubstr("rejected: 2 without a value (lines 2, 3)"),
                    HasSubstr("rejected: 1 with a quality flag above 0 (line 4); flag 4: 1; --max-flag or "
                              "--good-flags say which are good"),
                    HasSubstr("note: columns not used: station")));
  EXPECT_THAT(refusal("time,lat,lon,sst\n0,0,0,290\n"),
              AllOf(HasSubstr("r.csv:1: column sst_error is missing"), HasSubstr("--error 0.1")));
  EXPECT_THAT(refusal("time,lat,lon,sst,sst_error\n0,0,0,290,-1\n"), HasSubstr("r.csv:2: column sst_error: "));
  EXPECT_THAT(refusal("time,lat,lon,sst,sst_error\n0,0,0,warm,1\n"), HasSubstr("r.csv:2: column sst: not a number"));
}

TEST_F(ObservationTables, UnitsOfErddap) {
  moor();
  // Its second line, its second kind of header, and times in numbers of its own.
  const auto csv = read("time,wvht,wtmp\nUTC,cm,degree_F\n2022-09-01T01:00:00Z,150,NaN\n2022-09-01T02:00:00Z,NaN,77\n");
  EXPECT_THAT(values(csv), ElementsAre(1.5, testing::DoubleNear(25, 1e-9)));
  EXPECT_THAT(column(csv, "time"), ElementsAre(0, 1));
  EXPECT_THAT(csv.parts.front().noise.values(), ElementsAre(testing::DoubleNear(0.1, 1e-12), 0.2));
  const auto csvp = read(
      "time (UTC),wvht (cm),wtmp (degree_F)\n2022-09-01T01:00:00Z,150,NaN\n2022-09-01T02:00:00Z,NaN,"
      "77\n");
  EXPECT_THAT(values(csvp), ElementsAre(1.5, testing::DoubleNear(25, 1e-9)));
  const auto numbers =
      read("time,wvht,wtmp\nseconds since 1970-01-01T00:00:00Z,m,degC\n1661994000,1.5,NaN\n1661997600,NaN,25\n");
  EXPECT_EQ(numbers.start_time, 1);
  EXPECT_THAT(column(numbers, "time"), ElementsAre(0, 1));
  EXPECT_THAT(refusal("time,wvht,wtmp\nUTC,kg,degC\n2022-09-01T01:00:00Z,150,NaN\n"),
              HasSubstr("units that do not convert to the data's: found kg"));
}

TEST_F(ObservationTables, PlacesInTheUnitsOfTheHeader) {
  layout.coordinates = {{{0, 1000, 2000, 3000}, "m"}, {{0, 90, 180, 270}, "degrees_east"}};
  layout.space_names = {"z", "lon"};
  EXPECT_THAT(column(read("time,z (km),lon,variable,value,error\n0,1.5,0,sst,290,1\n"), "z"), ElementsAre(1.5));
}

TEST_F(ObservationTables, BuoysOfNdbc) {
  moor();
  const auto y = read(
      "#YY  MM DD hh mm WDIR WSPD  WVHT   WTMP\n"
      "#yr  mo dy hr mn degT m/s     m   degC\n"
      "2022 09 01 01 00  99  4.9  1.50   26.5\n"
      "2022 09 01 02 00 999  4.9 99.00   27.0\n"
      "2022 09 01 03 00  50  4.9  2.50  999.0\n"
      "2022 09 01 03 30  50   MM    MM   27.5\n");
  EXPECT_EQ(y.start_time, 1);
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 0, 1, 2, 2.5));
  EXPECT_THAT(column(y, "variable"), ElementsAre(0, 1, 1, 0, 1));
  EXPECT_THAT(values(y), ElementsAre(1.5, 26.5, 27, 2.5, 27.5));
  EXPECT_THAT(y.qc_summary, AllOf(HasSubstr("rejected: 3 without a value (lines 4, 5, 6)"),
                                  HasSubstr("note: column WVHT is read as wvht"),
                                  HasSubstr("note: 1 of WVHT are NDBC's mark of a missing value"),
                                  HasSubstr("note: columns not used: WDIR, WSPD")));
  // Before 2007 without #, and before 1999 with two digits of the year.
  layout.time_origin = "1998-09-01";
  const auto old = read(
      "YY MM DD hh WD   WSPD WVHT  WTMP\n98 09 01 01 050 04.9 01.50 026.5\n98 09 01 02 999 99.0 99.00 "
      "999.0\n98 09 01 03 050 04.9 02.50 027.5\n");
  EXPECT_THAT(values(old), ElementsAre(1.5, 26.5, 2.5, 27.5));
  EXPECT_THAT(column(old, "time"), ElementsAre(0, 0, 2, 2));
  // 99 of a direction is a direction, and of a pressure 999 a pressure.
  layout.variables = {{"wdir", "wind", "1"}, {"pres", "pressure", "hPa"}};
  normalisation = {at::tensor({90.0, 1000.0}, at::kDouble), at::tensor({50.0, 20.0}, at::kDouble)};
  EXPECT_THAT(
      values(read("#YY  MM DD hh mm WDIR PRES\n#yr  mo dy hr mn degT hPa\n1998 09 01 01 00 99 999.0\n1998 09 01 "
                  "02 00 999 9999.0\n1998 09 01 03 00 98 998\n")),
      ElementsAre(99, 999, 98, 998));
}

TEST_F(ObservationTables, BetweenBlanksAndUnderComments) {
  EXPECT_THAT(values(read("time  lat lon variable   value error \n  0 0\t0 sst  290   1  \n6 0 0 \"sst\" 291 1\n")),
              ElementsAre(290, 291));
  const auto y = read("# made by hand\n#time,lat,lon,variable,value,error\n0,0,0,sst,290,1\n");
  EXPECT_THAT(values(y), ElementsAre(290));
  EXPECT_THAT(refusal("# made by hand\n0,1,2,sst,290,3\n"), HasSubstr("column time is missing: found 0, 1, 2, sst"));
}

TEST_F(ObservationTables, OfExcel) {
  const auto y = read("sep=;\r\ntime;lat;lon;variable;value;error\r\n0;0;0;sst;290;1\r\n");
  EXPECT_THAT(values(y), ElementsAre(290));
  EXPECT_THAT(refusal("sep=;\r\ntime;lat;lon;variable;value;error\r\n0;0;0;sst;290,5;1\r\n"),
              AllOf(HasSubstr("r.csv:3: column value"), HasSubstr("write a decimal point, not a comma")));
}

TEST_F(ObservationTables, PackedByGzip) {
  const std::string text = "time,lat,lon,variable,value,error\n0,0,0,sst,290,1\n";
  gzFile file = gzopen(folder_.file("r.csv").c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  const std::string packed = read_bytes(folder_.file("r.csv"));
  EXPECT_THAT(values(read(packed)), ElementsAre(290));
  EXPECT_THAT(refusal(packed.substr(0, packed.size() / 2)),
              HasSubstr("r.csv: the packed file is damaged or truncated"));
}

TEST_F(ObservationTables, WordsForMissingValues) {
  const auto y = read(
      "time,lat,lon,variable,value,error,flag\n0,0,0,sst,NA,1,0\n0,0,0,sst,MM,1,0\n0,0,0,sst,nan,1,0\n0,0,0,sst,-,1,0\n"
      "0,NaN,0,sst,290,1,0\n0,0,0,sst,290,1,\n0,0,0,sst,291,1,0\n");
  EXPECT_THAT(values(y), ElementsAre(291));
  EXPECT_THAT(y.qc_summary, AllOf(HasSubstr("4 without a value (lines 2, 3, 4, 5)"),
                                  HasSubstr("1 without a time or a place (line 6)"),
                                  HasSubstr("1 with a quality flag above 0 (line 7); no flag: 1; ")));
}

TEST_F(ObservationTables, GoodFlags) {
  const std::string text =
      "time,lat,lon,variable,value,error,flag\n0,0,0,sst,290,1,2\n0,20,0,sst,291,1,0\n0,-20,0,sst,292,1,9\n0,60,0,sst,"
      "293,1,9\n";
  parameters.good_flags = {1, 2};
  const auto y = read(text);
  EXPECT_THAT(values(y), ElementsAre(290));
  EXPECT_THAT(y.qc_summary,
              HasSubstr("rejected: 3 with a quality flag other than 1, 2 (lines 3, 4, 5); flag 0: 1, flag "
                        "9: 2; --max-flag or --good-flags say which are good"));
}

}  // namespace
}  // namespace sda::test
