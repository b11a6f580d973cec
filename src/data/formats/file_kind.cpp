/// Formats of others, by the bytes that they begin with.
#include "data/formats/file_kind.hpp"

#include <array>
#include <fstream>
#include <string_view>

#include "data/formats/gzip.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t bytes_looked_at = 4096;

struct Signature {
  std::string_view bytes;
  std::size_t at;
  const char *name, *hint;
};

constexpr const char* to_csv = "save it as CSV (UTF-8)";
constexpr const char* unpack = "unpack it first";
/// `FILE` stands for the path.
constexpr std::array signatures{
    Signature{"GRIB"sv, 0, "GRIB", "`cdo -f nc copy FILE OUT.nc`, or `grib_to_netcdf`"},
    Signature{"BUFR"sv, 0, "BUFR", "`bufr_dump -p` or pdbufr make a table of it"},
    Signature{"BUFR"sv, 4, "BUFR (of Fortran, as PREPBUFR)", "ioda's bufr2ioda or `bufr_dump -p` convert it"},
    Signature{"\x0E\x03\x13\x01"sv, 0, "HDF4", "`h4toh5 FILE OUT.nc`, or `ncl_convert2nc`"},
    Signature{"PAR1"sv, 0, "Parquet", "pandas: read_parquet(\"FILE\").to_csv(\"OUT.csv\")"},
    Signature{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, 0, "an Excel workbook (xls)", to_csv},
    Signature{"Rar!"sv, 0, "a RAR archive", unpack},
    Signature{"7z\xBC\xAF\x27\x1C"sv, 0, "a 7z archive", unpack},
    Signature{"BZh"sv, 0, "packed by bzip2", "`bunzip2 FILE`"},
    Signature{"\xFD"
              "7zXZ"sv,
              0, "packed by xz", "`unxz FILE`"},
    Signature{"\x28\xB5\x2F\xFD"sv, 0, "packed by zstd", "`unzstd FILE`"},
    Signature{"\x1F\x9D"sv, 0, "packed by compress", "`uncompress FILE`"},
    Signature{"\x93NUMPY"sv, 0, "an array of NumPy", "write NetCDF or CSV"},
    Signature{"\xFF\xFFODA"sv, 0, "ODB-2", "`odc sql` makes a table of it"},
    Signature{"\xD7\xCD\xC6\x9A"sv, 0, "a Windows metafile", ""},
    Signature{"SQLite format 3"sv, 0, "an SQLite database", "`sqlite3 -csv FILE \"select …\"`"},
    Signature{"%PDF"sv, 0, "PDF", "take the file of the data"},
    Signature{"<!DOCTYPE"sv, 0, "a page of the web (HTML)", "the download failed: look into it, perhaps it says why"},
    Signature{"<!doctype"sv, 0, "a page of the web (HTML)", "the download failed: look into it, perhaps it says why"},
    Signature{"<html"sv, 0, "a page of the web (HTML)", "the download failed: look into it, perhaps it says why"},
    Signature{"<HTML"sv, 0, "a page of the web (HTML)", "the download failed: look into it, perhaps it says why"},
    Signature{"<?xml"sv, 0, "XML", "perhaps the download failed: look into it"},
    Signature{"{"sv, 0, "JSON", "write CSV or NetCDF"},
};

std::string first_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(bytes_looked_at, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

bool is_netcdf_bytes(std::string_view bytes) {
  return bytes.starts_with("\x89HDF") || bytes.starts_with("CDF\x01") || bytes.starts_with("CDF\x02") ||
         bytes.starts_with("CDF\x05");
}

/// A zip archive by what is in it.
ForeignFormat zip_format(std::string_view bytes) {
  if (bytes.find("xl/") != std::string_view::npos || bytes.find("[Content_Types]") != std::string_view::npos)
    return {"an Excel workbook (xlsx)", to_csv};
  if (bytes.find("opendocument.spreadsheet") != std::string_view::npos)
    return {"a spreadsheet of OpenDocument", to_csv};
  if (bytes.find(".npy") != std::string_view::npos) return {"arrays of NumPy (npz)", "write NetCDF or CSV"};
  return {"a zip archive", "`unzip FILE` first"};
}

std::optional<ForeignFormat> format_of(std::string_view bytes) {
  if (bytes.starts_with("PK\x03\x04")) return zip_format(bytes);
  for (const auto& [begin, at, name, hint] : signatures) {
    if (bytes.size() > at && bytes.substr(at).starts_with(begin)) return ForeignFormat{name, hint};
  }
  return std::nullopt;
}

}  // namespace

bool is_netcdf(const std::string& path) {
  return is_netcdf_bytes(first_bytes(path).substr(0, 4));
}

std::optional<ForeignFormat> foreign_format(const std::string& path) {
  std::string bytes = first_bytes(path);
  if (!is_gzip(bytes)) return format_of(bytes);
  bytes = first_bytes_of_gzip(path, bytes_looked_at);
  if (is_netcdf_bytes(bytes)) return ForeignFormat{"NetCDF packed by gzip", "`gunzip FILE`"};
  auto inside = format_of(bytes);
  if (!inside && bytes.substr(std::min<std::size_t>(bytes.size(), 257)).starts_with("ustar"))
    inside = {"a tar archive", "`tar -xf FILE`"};
  if (inside) inside->name += " packed by gzip";
  return inside;
}

void refuse_foreign_format(const std::string& path, const std::string& expected) {
  auto format = foreign_format(path);
  if (!format) return;
  if (const auto at = format->hint.find("FILE"); at != std::string::npos) format->hint.replace(at, 4, path);
  throw FileError({.what = "a format that is not read here",
                   .where = path,
                   .found = format->name,
                   .expected = expected,
                   .hint = format->hint});
}

}  // namespace sda::io
