/// What every file of ours begins with: kind and provenance. Private to the module.
#pragma once

#include <string>

#include "data/formats/netcdf_file.hpp"
#include "sda/data/files.hpp"

namespace sda::io {

/// CF attributes, kind and provenance.
void write_head(WritableGroup& file, FileKind kind, const std::string& title, const Provenance& provenance);
/// The same without a kind, for files that other programs read.
void write_origin(WritableGroup& file, const std::string& title, const Provenance& provenance);
Provenance read_provenance(const ReadableGroup& file);
/// Throws FileError if the file is not ours.
FileKind read_kind(const ReadableGroup& file);
/// Throws FileError if the file is of another kind: "is an ensemble file, expected …".
void require_kind(const ReadableGroup& file, FileKind expected);

}  // namespace sda::io
