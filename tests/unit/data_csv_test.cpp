/// Tables of text: fields, lines and what is refused.
#include "data/formats/csv.hpp"

#include <gmock/gmock.h>

#include "scratch_folder.hpp"
#include "sda/core/error.hpp"

namespace sda::test {
namespace {

using io::CsvReader;
using testing::ElementsAre;
using testing::HasSubstr;
using Row = std::vector<std::string>;

std::vector<Row> read_rows(CsvReader reader) {
  std::vector<Row> rows{reader.names()};
  while (reader.next()) {
    Row& row = rows.emplace_back(Row{std::to_string(reader.line())});
    for (std::size_t i = 0; i < reader.names().size(); ++i) row.emplace_back(reader.field(i));
  }
  return rows;
}

/// Of the text at once; a file of it, wherever its blocks end, must hold the same.
std::vector<Row> rows_of(const std::string& text) {
  const auto rows = read_rows({text, "t.csv"});
  const ScratchFolder folder;
  write_bytes(folder.file("t.csv"), text);
  for (const std::size_t block : {1, 2, 3, 5, 8, 1000}) {
    EXPECT_EQ(read_rows(CsvReader(folder.file("t.csv"), block)), rows) << "blocks of " << block << " bytes";
  }
  return rows;
}

std::string refusal(const std::string& bytes) {
  const ScratchFolder folder;
  write_bytes(folder.file("t.csv"), bytes);
  try {
    CsvReader reader(folder.file("t.csv"));
    while (reader.next()) {
    }
  } catch (const FileError& error) {
    return error.what();
  }
  return "accepted";
}

/// The same where each block is a few bytes: a fault has its line wherever it is found.
std::string refusal_in_blocks(const std::string& bytes) {
  const ScratchFolder folder;
  write_bytes(folder.file("t.csv"), bytes);
  try {
    read_rows(CsvReader(folder.file("t.csv"), 3));
  } catch (const FileError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Csv, RowsOfFieldsAndTheirLines) {
  EXPECT_THAT(rows_of("a,b\n1, 2 \n\n# a remark\n,\n3,4"),
              ElementsAre(Row{"a", "b"}, Row{"2", "1", "2"}, Row{"5", "", ""}, Row{"6", "3", "4"}));
  EXPECT_THAT(rows_of("a\n1\n\n2\n"), ElementsAre(Row{"a"}, Row{"2", "1"}, Row{"4", "2"}));
}

TEST(Csv, LineEndsAndSeparatorsOfOtherSystems) {
  EXPECT_THAT(rows_of("a;b\r\n1;2,5\r\n3;4\r\n"), ElementsAre(Row{"a", "b"}, Row{"2", "1", "2,5"}, Row{"3", "3", "4"}));
  EXPECT_THAT(rows_of("a\tb\r1\t\r"), ElementsAre(Row{"a", "b"}, Row{"2", "1", ""}));
  CsvReader marked("\xEF\xBB\xBF# first\na,b\n1,2\n", "t.csv");
  EXPECT_TRUE(marked.had_byte_order_mark());
  EXPECT_THAT(marked.names(), ElementsAre("a", "b"));
  EXPECT_TRUE(marked.next());
  EXPECT_EQ(marked.where(), "t.csv:3");
}

TEST(Csv, BlanksNamesInCommentsAndTheSeparatorOfExcel) {
  EXPECT_THAT(rows_of("a  b c\n 1 2\t 3 \n4 \"5 6\" 7\n"),
              ElementsAre(Row{"a", "b", "c"}, Row{"2", "1", "2", "3"}, Row{"3", "4", "5 6", "7"}));
  EXPECT_THAT(rows_of("sep=|\na|b\n1|2,5\n"), ElementsAre(Row{"a", "b"}, Row{"3", "1", "2,5"}));
  EXPECT_THAT(rows_of("# by hand\n#a b\n#m s\n1 2\n"), ElementsAre(Row{"a", "b"}, Row{"4", "1", "2"}));
  CsvReader reader("#a b\n#m s\n1 2\n", "t.csv");
  EXPECT_THAT(reader.units(), ElementsAre("m", "s"));
  EXPECT_THAT(rows_of("#a,b\n\nx,y\n1,2\n"), ElementsAre(Row{"x", "y"}, Row{"4", "1", "2"}));
}

TEST(Csv, QuotedFields) {
  EXPECT_THAT(
      rows_of("a,b\n\"1,5\" , \"he said \"\"no\"\"\"\n\"two\nlines\",x\n3,\"\"\n"),
      ElementsAre(Row{"a", "b"}, Row{"2", "1,5", "he said \"no\""}, Row{"3", "two\nlines", "x"}, Row{"5", "3", ""}));
}

TEST(Csv, RefusesWhatIsNoTable) {
  EXPECT_THAT(refusal("a,b\n1,2,3\n"),
              HasSubstr("t.csv:2: column 3: a row with too many fields: found 3 (1 | 2 | 3), expected 2: a, b"));
  EXPECT_THAT(refusal("a,b\n1,2\n1\n"), HasSubstr("t.csv:3: column 2: a row with too few fields: found 1 (1)"));
  EXPECT_THAT(refusal("a,a\n"), HasSubstr("two columns of one name: found a"));
  EXPECT_THAT(refusal("a,b\n1,\"2\n"), HasSubstr("t.csv:2: column 2: quotes are opened and not closed"));
  EXPECT_THAT(refusal("a,b\n1,\"2\"x\n"), HasSubstr("text behind closing quotes: found x"));
  EXPECT_THAT(refusal("# only\n"), HasSubstr("there are no rows"));
  EXPECT_THAT(refusal(""), HasSubstr("empty file"));
  EXPECT_THAT(refusal("a,b\n1,2\n3,4\xE9\n"),
              HasSubstr("t.csv:3: column 2: not UTF-8, perhaps Latin-1: found the byte 0xe9"));
  EXPECT_THAT(refusal(std::string("a\0b", 3)), HasSubstr("found zero bytes"));
  EXPECT_THAT(refusal(std::string("\xFF\xFE"
                                  "a\0",
                                  4)),
              HasSubstr("iconv -f UTF-16"));
  EXPECT_THAT(refusal("a,b\n\xC0\x80,1\n"), HasSubstr("not UTF-8"));  // longer than it need be
  EXPECT_EQ(refusal("température,b\n1,2\n"), "accepted");
}

TEST(Csv, AFaultHasItsLineWhereverBlocksEnd) {
  const std::string rows = "a,b\n1,2\n\"two\nlines\",3\n";
  EXPECT_THAT(refusal_in_blocks(rows + "4,g\xFCn\n5,6\n"), HasSubstr("t.csv:5: column 2: not UTF-8"));
  EXPECT_THAT(refusal_in_blocks(rows + "4,g\xC3\xBCn\n5,\xE2\n"), HasSubstr("t.csv:6: column 2: not UTF-8"));
  EXPECT_THAT(refusal_in_blocks(rows + "4,g\xC3\xBCn\n5,\xE2\x82"), HasSubstr("t.csv:6: column 2: not UTF-8"));
  EXPECT_EQ(refusal_in_blocks(rows + "4,g\xC3\xBCn\n5,\xE2\x82\xAC"), "accepted");
  EXPECT_THAT(refusal_in_blocks(rows + "4,5,6\n"), HasSubstr("t.csv:5: column 3: a row with too many fields"));
  EXPECT_THAT(refusal_in_blocks(rows + "4,\"5\n6,7\n"), HasSubstr("t.csv:5: column 2: quotes are opened"));
}

}  // namespace
}  // namespace sda::test
