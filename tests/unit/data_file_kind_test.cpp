/// Files of other formats are told by their first bytes, and what a file cannot be read for is named.
#include "data/formats/file_kind.hpp"

#include <gmock/gmock.h>
#include <hdf5.h>
#include <zlib.h>

#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "observation_files.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using namespace std::string_literals;

class FormatsOfOthers : public ObservationFileTest {};

TEST_F(FormatsOfOthers, AreNamedWithWhatToDo) {
  const std::map<std::string, std::string> table{
      {"GRIB\0\0\0\2"s, "found GRIB, expected CSV, or NetCDF; `cdo -f nc copy "},
      {"BUFR\0\1\2\4"s, "found BUFR, "},
      {"\0\0\4\0BUFR"s, "found BUFR (of Fortran, as PREPBUFR)"},
      {"\x0E\x03\x13\x01"s, "found HDF4, expected CSV, or NetCDF; `h4toh5 "},
      {"PAR1\x15\x04"s, "found Parquet"},
      {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"s, "found an Excel workbook (xls), expected CSV, or NetCDF; save it as CSV"},
      {"PK\3\4\x14\0[Content_Types].xml xl/workbook.xml"s, "found an Excel workbook (xlsx)"},
      {"PK\3\4\x14\0mimetypeapplication/vnd.oasis.opendocument.spreadsheet"s, "found a spreadsheet of OpenDocument"},
      {"PK\3\4\x14\0buoys.csv"s, "found a zip archive"},
      {"\xFD\x37zXZ\0"s, "found packed by xz"},
      {"\x28\xB5\x2F\xFD\4"s, "found packed by zstd"},
      {"BZh91AY"s, "found packed by bzip2"},
      {"<!DOCTYPE html><html>"s, "found a page of the web (HTML)"},
      {"{\"time\": 0}"s, "found JSON"}};
  for (const auto& [bytes, message] : table) {
    EXPECT_THAT(refusal(bytes), AllOf(HasSubstr("r.csv: a format that is not read here"), HasSubstr(message)));
    EXPECT_FALSE(io::is_netcdf(folder_.file("r.csv")));
  }
  // The same where NetCDF alone is read.
  write_bytes(folder_.file("g.nc"), "GRIB\0\0\0\2"s);
  EXPECT_THAT([&] { io::NetcdfReader{folder_.file("g.nc")}; },
              testing::ThrowsMessage<FileError>(AllOf(HasSubstr("found GRIB"), HasSubstr("`cdo -f nc copy"))));
}

TEST_F(FormatsOfOthers, NetcdfInGzipIsToBeUnpacked) {
  {
    io::NetcdfWriter writer(folder_.file("n.nc"));
    writer.root().dimension("x", 1);
    writer.commit();
  }
  const std::string bytes = read_bytes(folder_.file("n.nc"));
  EXPECT_TRUE(io::is_netcdf(folder_.file("n.nc")));
  gzFile file = gzopen(folder_.file("r.csv").c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  EXPECT_THAT(refusal(read_bytes(folder_.file("r.csv"))),
              AllOf(HasSubstr("found NetCDF packed by gzip"), HasSubstr("`gunzip ")));
}

/// Bytes as they are, under the number that is registered for Zstandard.
std::size_t pass(unsigned, std::size_t, const unsigned*, std::size_t bytes, std::size_t*, void**) {
  return bytes;
}

TEST_F(FormatsOfOthers, AFilterThatIsNotThereIsNamed) {
  const H5Z_class2_t filter{H5Z_CLASS_T_VERS, 32015, 1, 1, "pass", nullptr, nullptr, pass};
  ASSERT_GE(H5Zregister(&filter), 0);
  const hsize_t size = 8;
  const hid_t file = H5Fcreate(folder_.file("f.nc").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
              space = H5Screate_simple(1, &size, nullptr), creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(creation, 1, &size);
  ASSERT_GE(H5Pset_filter(creation, 32015, H5Z_FLAG_MANDATORY, 0, nullptr), 0);
  const hid_t data = H5Dcreate2(file, "v", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  const std::vector<double> values(size, 1);
  ASSERT_GE(H5Dwrite(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(data), H5Pclose(creation), H5Sclose(space), H5Fclose(file);
  H5Zunregister(32015);
  const io::NetcdfReader reader(folder_.file("f.nc"));
  EXPECT_THAT([&] { io::read_decoded(reader.root(), "v", at::kDouble); },
              testing::ThrowsMessage<FileError>(
                  AllOf(HasSubstr("f.nc: v: values are packed by a filter that HDF5 does not have here: found "
                                  "Zstandard (filter 32015)"),
                        HasSubstr("`nccopy -F none IN OUT`"))));
}

}  // namespace
}  // namespace sda::test
