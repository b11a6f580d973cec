/// Tables as text and as CSV files that go on.
#include "sda/report/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/figures/plot.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

using test::read_bytes;
using test::ScratchFolder;
using test::write_bytes;
using testing::HasSubstr;
using testing::StartsWith;

const Provenance provenance{
    .command = "sda study", .config = "[a]\nb = 1\n", .seed = 3, .version = "1", .created = "now"};
const TableRow columns{"k", "t", "error"};

TEST(Aligned, NamesToTheLeftNumbersToTheRight) {
  EXPECT_EQ(aligned({{"name", "error"}, {"é", "1"}, {"long name", "0.25"}}, 1),
            "name       error\n"
            "é              1\n"
            "long name   0.25\n");
}

TEST(CsvTable, GoesOnWhereItWasStopped) {
  const ScratchFolder folder;
  const auto path = folder.file("study.csv");
  {
    CsvTable table(path, columns, 2, provenance);
    EXPECT_EQ(table.find({"1", "0.5"}), nullptr);
    table.add({"1", "0.5", "0.25"});
  }
  CsvTable table(path, columns, 2, provenance);
  ASSERT_NE(table.find({"1", "0.5"}), nullptr);
  EXPECT_EQ(table.find({"1", "0.5"})->back(), "0.25");
  EXPECT_EQ(table.find({"1", "0.25"}), nullptr);
  table.add({"2", "0.5", ""});
  EXPECT_EQ(read_bytes(path),
            "# sda 1, now\n# command: sda study\n# seed: 3\n# configuration:\n#   [a]\n#   b = 1\n"
            "k,t,error\n1,0.5,0.25\n2,0.5,\n");
  EXPECT_EQ(CsvTable(path, columns, 2, provenance).rows().size(), 2u);
  EXPECT_EQ(folder.names().size(), 1u);
}

TEST(CsvTable, RefusesRowsThatDoNotFit) {
  const ScratchFolder folder;
  CsvTable table(folder.file("study.csv"), columns, 2, provenance);
  table.add({"1", "0.5", "0.25"});
  EXPECT_THROW(table.add({"1", "0.5", "0.3"}), ValueError);
  EXPECT_THROW(table.add({"1", "0.7"}), ValueError);
  EXPECT_THROW(table.add({"1", "0,7", "0.3"}), ValueError);
}

TEST(CsvTable, RefusesTheTableOfAnotherRun) {
  const ScratchFolder folder;
  const auto path = folder.file("study.csv");
  CsvTable(path, columns, 2, provenance).add({"1", "0.5", "0.25"});
  const auto message = [&](const TableRow& expected, const Provenance& of) -> std::string {
    try {
      CsvTable table(path, expected, 2, of);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  auto other = provenance;
  other.config = "[a]\nb = 2\n";
  EXPECT_THAT(message(columns, other), HasSubstr("found b = 1, expected b = 2"));
  other = provenance;
  other.seed = 4;
  EXPECT_THAT(message(columns, other), HasSubstr("another seed"));
  EXPECT_THAT(message({"k", "t", "loss"}, provenance), HasSubstr("found k,t,error, expected k,t,loss"));
  EXPECT_EQ(message(columns, provenance), "");
  write_bytes(path, "k,t,error\n1,2,3\n");
  EXPECT_THROW(CsvTable(path, columns, 2, provenance), FileError);
}

TEST(Plot, DrawsPanelsAndLeavesOutWhatALogarithmHasNoPlaceFor) {
  const ScratchFolder folder;
  const PlotPanel panel{
      .title = "error's size",
      .x_axis = "t",
      .y_axis = "error",
      .log_y = true,
      .curves = {{.name = "k = 1", .x = {0, 1, 2}, .y = {0, 0.1, 1}, .low = {0, 0.05, 0.5}, .high = {0, 0.2, 2}},
                 {.name = "", .x = {0, 2}, .y = {0.5, 0.5}, .low = {}, .high = {}, .reference = true}}};
  write_plot(folder.file("plot.png"), "Title", {panel, panel}, "A caption.", provenance);
  EXPECT_THAT(read_bytes(folder.file("plot.png")), StartsWith("\x89PNG"));
  EXPECT_THAT(read_bytes(folder.file("plot.png")), HasSubstr("sda study"));
  EXPECT_EQ(folder.names().size(), 1u);
  const auto svg = report::plot_drawing("Title", {panel, panel}, "A caption.").body;
  EXPECT_THAT(svg, HasSubstr("error's size"));
  EXPECT_THAT(svg, HasSubstr("k = 1"));
  EXPECT_THAT(svg, HasSubstr("A caption."));
  EXPECT_THAT(svg, HasSubstr("class=\"line\" style=\"stroke:#0072b2\" d=\"M200 "));  // not from t = 0, where it is 0
  EXPECT_THAT(svg, HasSubstr("class=\"compared\""));
  EXPECT_THROW(write_plot(folder.file("no.png"), "Title", {}, "", provenance), ValueError);
  const PlotPanel uneven{.title = "", .x_axis = "", .y_axis = "", .curves = {{.name = "", .x = {1, 2}, .y = {1}}}};
  EXPECT_THROW(write_plot(folder.file("no.png"), "Title", {uneven}, "", provenance), ValueError);
}

}  // namespace
}  // namespace sda
