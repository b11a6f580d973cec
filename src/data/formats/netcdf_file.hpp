/// A thin layer over the NetCDF C library: typed variables in and out as tensors, every failure a FileError that names
/// the file and the variable. The only header of ours behind which NetCDF is seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sda/core/tensor.hpp"

namespace sda::io {

using AttributeValue = std::variant<std::string, double, std::int64_t, std::uint64_t>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

/// A part of a variable: so many values along each dimension from `start` on.
struct Slab {
  Shape start, count;
};

/// How a variable is stored whose values come later.
struct Storage {
  at::ScalarType type = at::kFloat;
  Shape chunk{};                    ///< a size for each dimension
  int compression = 0;              ///< of zlib after shuffling bytes, 1 (fast) to 9 (small); 0: none
  std::optional<double> fill = {};  ///< the number of float32 or float64 values that are missing
};

/// A group being written; the file itself is the root group.
class WritableGroup {
 public:
  WritableGroup(int id, std::string path) : id_(id), path_(std::move(path)) {}

  WritableGroup make_group(const std::string& name);
  /// Defines a dimension; one of this name and size may be defined already.
  void dimension(const std::string& name, std::int64_t size);
  /// A dimension that other programs may append to; its size is that of the variables written.
  void unlimited_dimension(const std::string& name);
  void attributes(const Attributes& attributes);
  /// Writes `values` (float32, float64, int32 or int64; not empty) under dimensions of its sizes, in chunks of about
  /// a megabyte, each with a Fletcher-32 checksum. `fill`: the number of float32 or float64 values that are missing.
  void variable(const std::string& name, const std::vector<std::string>& dimensions, const Tensor& values,
                const Attributes& attributes = {}, std::optional<double> fill = std::nullopt);
  /// Defines a variable whose values come by `put`; each chunk has a Fletcher-32 checksum.
  void declare(const std::string& name, const std::vector<std::string>& dimensions, const Storage& storage,
               const Attributes& attributes = {});
  /// Writes a part of a variable; `values` are of its type and of the part's sizes.
  void put(const std::string& name, const Slab& part, const Tensor& values);

  /// "lorenz.nc: x", for messages.
  std::string where(const std::string& part) const { return path_ + ": " + part; }

 private:
  int id_;
  std::string path_;
};

/// How numbers are stored.
struct NumberType {
  std::size_t bytes = 0;
  bool is_integer = false, is_signed = true;
};
/// The numbers of an attribute.
struct NumberList {
  std::vector<double> values;
  NumberType type;
};

/// A group being read. Throws FileError for what is missing.
class ReadableGroup {
 public:
  ReadableGroup(int id, std::string path, std::string name) : id_(id), path_(std::move(path)), name_(std::move(name)) {}

  bool has_group(const std::string& name) const;
  ReadableGroup group(const std::string& name) const;
  /// Names of the groups in this one.
  std::vector<std::string> groups() const;
  /// In the order they were defined.
  std::vector<std::string> variables() const;
  /// This group, and those around it from the nearest on.
  std::vector<ReadableGroup> with_parents() const;
  /// The first of these that has the variable; nothing where none has.
  std::optional<ReadableGroup> nearest_with(const std::string& variable) const;
  bool has_variable(const std::string& name) const;
  Shape shape(const std::string& variable) const;
  /// Contiguous; float32, float64, int32 or int64 as stored.
  Tensor read(const std::string& variable) const;
  /// The same; a shape other than `expected` is refused.
  Tensor read(const std::string& variable, at::IntArrayRef expected) const;

  /// Of this group, or of the nearest around it that has it; nothing where none has.
  std::optional<std::int64_t> dimension_size(const std::string& name) const;
  /// Names of a variable's dimensions, in the order of the file.
  std::vector<std::string> dimensions(const std::string& variable) const;
  /// Numbers of any type, as stored: float32 where it holds them exactly, else float64. All of them, or a part.
  Tensor read_numbers(const std::string& variable, const std::optional<Slab>& part = std::nullopt) const;
  /// Whether a variable holds text: strings, or characters along its last dimension.
  bool is_text(const std::string& variable) const;
  /// Whether it is the second.
  bool has_characters(const std::string& variable) const;
  /// Its texts in the order of the file, characters without the blanks and zeros behind them.
  std::vector<std::string> read_texts(const std::string& variable) const;
  /// Characters one by one, in the order of the file.
  std::string read_characters(const std::string& variable) const;
  /// Attributes of a variable; nothing where there is none, or where it is of the other kind.
  std::optional<std::string> text_of(const std::string& variable, const std::string& attribute) const;
  std::optional<NumberList> numbers_of(const std::string& variable, const std::string& attribute) const;
  bool has_attribute(const std::string& variable, const std::string& attribute) const;
  /// Of the group; nothing where there is none, or where it is text.
  std::optional<NumberList> numbers_of(const std::string& attribute) const;
  /// Throws FileError for a variable that holds no numbers.
  NumberType number_type(const std::string& variable) const;
  /// What NetCDF has where nothing was written, in a variable that does not say so itself; nothing for bytes, and for
  /// variables that are not filled.
  std::optional<double> default_fill(const std::string& variable) const;

  bool has_attribute(const std::string& name) const;
  std::string text(const std::string& attribute) const;
  /// "" where there is none.
  std::string text_or_empty(const std::string& attribute) const;
  double number(const std::string& attribute) const;
  std::int64_t integer(const std::string& attribute) const;
  std::uint64_t natural(const std::string& attribute) const;

  const std::string& path() const { return path_; }
  /// "PRODUCT/DETAILS"; empty for the file itself.
  const std::string& name() const { return name_; }
  /// "lorenz.nc: x", for messages.
  std::string where(const std::string& part) const;

 private:
  int variable_id(const std::string& name) const;
  void require_possible(const std::string& variable, double bytes) const;
  int id_;
  std::string path_, name_;
};

/// A NetCDF-4 file composed in memory and written whole by `commit`; without it nothing is written. (HDF5 writing
/// straight to a full disk can crash, and leaves its file open for good. The price is memory: twice the data.)
class NetcdfWriter {
 public:
  /// Throws FileError where `path` cannot be written.
  explicit NetcdfWriter(std::string path);
  ~NetcdfWriter();
  NetcdfWriter(const NetcdfWriter&) = delete;
  NetcdfWriter& operator=(const NetcdfWriter&) = delete;

  WritableGroup root() { return {id_, path_}; }
  /// What has been written so far.
  ReadableGroup written() const { return {id_, path_, ""}; }
  void commit();

 private:
  std::string path_;
  int id_ = -1;
};

class NetcdfReader {
 public:
  /// Throws FileError if there is no such file, it is damaged, or it is not NetCDF (or HDF5).
  explicit NetcdfReader(std::string path);
  ~NetcdfReader();
  NetcdfReader(const NetcdfReader&) = delete;
  NetcdfReader& operator=(const NetcdfReader&) = delete;

  ReadableGroup root() const { return {id_, path_, ""}; }
  const std::string& path() const { return path_; }
  /// Whether a checksum of the whole file was there (and held).
  bool sealed() const { return sealed_; }

 private:
  std::string path_;
  bool sealed_ = false;
  int id_ = -1;
};

}  // namespace sda::io
