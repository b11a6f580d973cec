#include "targets.hpp"

#include <netcdf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/io/readings.hpp"
#include "sda/io/user_data.hpp"
#include "sda/observation/operator.hpp"

namespace sda::fuzz {
namespace {

StateLayout lorenz() {
  return {.event = {3}, .variables = {{"x", "x"}, {"y", "y"}, {"z", "z"}}, .space_names = {}, .dt = 0.025};
}

StateLayout ocean() {
  StateLayout layout{.event = {2, 3, 4},
                     .variables = {{"sst", "temperature", "K"}, {"ssh", "height", "m"}},
                     .space_names = {"lat", "lon"},
                     .dt = 6,
                     .time_units = "hours",
                     .coordinates = {{{60, 20, -20}, "degrees_north"}, {{0, 90, 180, 270}, "degrees_east"}},
                     .time_origin = "2004-02-28 12:00",
                     .calendar = "noleap"};
  layout.mask = at::ones(layout.event, at::kBool);
  layout.mask[0][1][2] = false;
  return layout;
}

StateLayout flow() {
  return {.event = {2, 4, 6}, .variables = {{"u", "u"}, {"v", "v"}}, .space_names = {"y", "x"}, .spacing = {0.5, 0.25}};
}

/// Bytes as a file, which is gone when this is.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : file_(memfd_create("readings.csv", MFD_CLOEXEC)) {
    if (file_ < 0 || write(file_, data, size) != static_cast<ssize_t>(size)) throw std::runtime_error("no memory file");
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

/// What is made of a chain must read, pull back and come back from its TOML.
void try_chain(const std::vector<OperatorLink>& chain, const StateLayout& layout) {
  require(read_operator(to_toml(chain), "again") == chain, "TOML of an operator does not read back to the same");
  const auto op = make_operator(chain, layout, Normalisation::identity(layout.event));
  const Tensor x = at::ones(prepend({2, 9}, layout.event), at::kDouble);
  const Tensor y = op->apply(x);
  require(y.sizes() == prepend({2}, op->readings_shape(9, layout.event)), "readings of another shape");
  require(op->apply_pull_back(x, at::ones_like(y)).sizes() == x.sizes(), "a pull-back of another shape");
  require(!op->describe().empty(), "an operator says nothing of itself");
}

/// Takes numbers from the bytes, zeros when they are used up.
class Recipe {
 public:
  Recipe(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  unsigned byte() { return at_ < size_ ? data_[at_++] : 0U; }
  unsigned below(unsigned n) { return byte() % n; }
  bool flag() { return (byte() & 1U) != 0; }
  /// Mostly small whole numbers, sometimes what files have where something is wrong.
  double number() {
    static const double odd[] = {0, 1, -1, 0.5, 1e9, -999, 9.96921e36, 1e300, -1e-300, 0.0 / 1.0};
    const auto b = byte();
    if (b == 255) return std::numeric_limits<double>::quiet_NaN();
    if (b == 254) return std::numeric_limits<double>::infinity();
    return b >= 240 ? odd[b % 10] : static_cast<double>(b);
  }
  std::string name() {
    static const char* names[] = {"u", "v", "time", "lev", "y", "x", "member", "height"};
    return names[below(8)];
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

/// Writes what the recipe says; what NetCDF itself refuses is left out.
void cook(Recipe& recipe, const std::string& path) {
  int file = -1;
  if (nc_create(path.c_str(), NC_NETCDF4, &file) != NC_NOERR) throw std::runtime_error("cannot make " + path);
  std::vector<int> dimensions;
  for (unsigned n = 1 + recipe.below(5); n > 0; --n) {
    int id = -1;
    const std::size_t size = recipe.below(5);
    if (nc_def_dim(file, recipe.name().c_str(), size, &id) == NC_NOERR) dimensions.push_back(id);
  }
  for (unsigned n = recipe.below(6); n > 0; --n) {
    static const nc_type types[] = {NC_FLOAT, NC_DOUBLE, NC_SHORT, NC_INT64, NC_BYTE, NC_CHAR};
    std::vector<int> own;
    for (unsigned rank = recipe.below(5); rank > 0 && !dimensions.empty(); --rank) {
      own.push_back(dimensions[recipe.below(static_cast<unsigned>(dimensions.size()))]);
    }
    const nc_type type = types[recipe.below(6)];
    int id = -1;
    const std::string name = recipe.name();
    if (nc_def_var(file, name.c_str(), type, static_cast<int>(own.size()), own.data(), &id) != NC_NOERR) continue;
    static const char* attributes[] = {"_FillValue", "missing_value", "scale_factor",
                                       "add_offset", "units",         "calendar"};
    static const char* texts[] = {"s", "days since 2000-01-01", "K", "hours since ", "noleap", ""};
    for (unsigned a = recipe.below(4); a > 0; --a) {
      const char* attribute = attributes[recipe.below(6)];
      if (recipe.flag()) {
        const double value = recipe.number();
        nc_put_att_double(file, id, attribute, type == NC_CHAR ? NC_DOUBLE : type, 1, &value);
      } else {
        const std::string text = texts[recipe.below(6)];
        nc_put_att_text(file, id, attribute, text.size(), text.c_str());
      }
    }
    std::size_t count = 1;
    for (const int dimension : own) {
      std::size_t size = 0;
      nc_inq_dimlen(file, dimension, &size);
      count *= size;
    }
    const double step = recipe.number();
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i)
      values[i] = i < 64 && recipe.flag() ? recipe.number() : static_cast<double>(i) * step;
    if (type != NC_CHAR && count > 0) nc_put_var_double(file, id, values.data());
  }
  nc_close(file);
}

}  // namespace

void csv(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return;
  const auto choice = data[0];
  const StateLayout layout = choice % 3 == 0 ? lorenz() : choice % 3 == 1 ? ocean() : flow();
  ReadingsParameters parameters;
  if ((choice & 4U) != 0) parameters.space = "nearest";
  if ((choice & 8U) != 0) parameters.time = "nearest";
  if ((choice & 16U) != 0) parameters.error = {0.5};
  const MemoryFile file(data + 1, size - 1);
  try {
    const auto y = read_readings(file.path(), layout, Normalisation::identity(layout.event), parameters, {});
    require(y.parts.front().values.numel() > 0 && !y.account.empty(), "readings without any");
    if (y.length < 1000) y.residual(at::zeros(prepend({1, y.length}, layout.event), at::kDouble));
  } catch (const Error&) {
  }
}

void operator_text(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    try_chain(read_operator(text, "fuzz"), flow());
  } catch (const Error&) {
  }
  OperatorLink formula{"expression", {}};
  formula.text = text;
  for (const auto& layout : {flow(), lorenz()}) {
    try {
      const auto op = make_operator({formula}, layout, Normalisation::identity(layout.event));
      const Tensor x = at::ones(prepend({2}, layout.event), at::kDouble), y = op->read(x);
      require(y.sizes() == prepend({2}, op->reading_shape(layout.event)), "readings of another shape");
      require(op->pull_back(x, at::ones_like(y)).sizes() == x.sizes(), "a pull-back of another shape");
    } catch (const Error&) {
    }
  }
}

void user_data(const std::uint8_t* data, std::size_t size) {
  static const std::string path =
      (std::filesystem::temp_directory_path() / ("sda-fuzz-" + std::to_string(getpid()) + ".nc")).string();
  Recipe recipe(data, size);
  DataParameters p{.files = {path}, .variables = {recipe.flag() ? "u" : recipe.name()}};
  if (recipe.flag()) p.variables.push_back(recipe.name());
  if (recipe.flag()) p.trajectory = recipe.name();
  if (recipe.flag()) p.level = recipe.name();
  for (unsigned axes = recipe.below(3); axes > 0; --axes) p.space.push_back(recipe.name());
  if (recipe.flag()) p.gaps = "cut";
  if (recipe.flag()) p.missing = "mask";
  if (recipe.flag()) p.join = "time";
  if (recipe.flag()) p.context = {recipe.name()};
  p.length = recipe.below(4);
  p.step = recipe.below(2);
  cook(recipe, path);
  try {
    const UserData read = read_user_data(p);
    require(read.trajectories.states.isfinite().all().item<bool>(), "states that are not finite");
  } catch (const Error&) {
  }
  std::filesystem::remove(path);
}

}  // namespace sda::fuzz
