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
#include "data/formats/csv.hpp"
#include "data/formats/torch_archive.hpp"
#include "sda/core/error.hpp"
#include "sda/data/import.hpp"
#include "sda/data/observations.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/observation/operator.hpp"
#include "sda/observation/operator_toml.hpp"

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
  MemoryFile(const std::uint8_t* data, std::size_t size) : file_(memfd_create("observation_file.csv", MFD_CLOEXEC)) {
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
  require(y.sizes() == prepend({2}, op->observations_shape(9, layout.event)), "observations of another shape");
  require(op->apply_vjp(x, at::ones_like(y)).sizes() == x.sizes(), "a VJP of another shape");
  require(!op->describe().empty(), "an operator says nothing of itself");
}

/// Takes numbers from the bytes, zeros when they are used up.
class Recipe {
 public:
  /// `names`: what things may be called.
  Recipe(const std::uint8_t* data, std::size_t size, std::vector<std::string> names)
      : data_(data), size_(size), names_(std::move(names)) {}
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
  std::string name() { return names_[below(static_cast<unsigned>(names_.size()))]; }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
  std::vector<std::string> names_;
};

/// A file that is gone when this is.
class Scratch {
 public:
  std::string path =
      (std::filesystem::temp_directory_path() / ("sda-fuzz-" + std::to_string(getpid()) + ".nc")).string();
  Scratch() = default;
  ~Scratch() { std::filesystem::remove(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
};

/// What variables of a recipe may say of themselves.
struct Attributes {
  std::vector<std::string> names{"_FillValue", "missing_value", "scale_factor", "add_offset", "units", "calendar"};
  std::vector<std::string> texts{"s", "days since 2000-01-01", "K", "hours since ", "noleap", ""};
};

/// Variables of one group, over dimensions of its own or of the file.
void cook_group(Recipe& recipe, int file, const Attributes& attributes) {
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
    const auto one_of = [&](const auto& all) { return all[recipe.below(static_cast<unsigned>(all.size()))]; };
    for (unsigned a = recipe.below(4); a > 0; --a) {
      const std::string attribute = one_of(attributes.names);
      if (recipe.flag()) {
        const double value = recipe.number();
        nc_put_att_double(file, id, attribute.c_str(), type == NC_CHAR ? NC_DOUBLE : type, 1, &value);
      } else {
        const std::string text = one_of(attributes.texts);
        nc_put_att_text(file, id, attribute.c_str(), text.size(), text.c_str());
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
}

/// Writes what the recipe says, its root and then `groups`; what NetCDF itself refuses is left out.
void cook(Recipe& recipe, const std::string& path, const std::vector<std::string>& groups,
          const Attributes& attributes = {}) {
  int file = -1;
  if (nc_create(path.c_str(), NC_NETCDF4, &file) != NC_NOERR) throw std::runtime_error("cannot make " + path);
  cook_group(recipe, file, attributes);
  for (const auto& name : groups) {
    int group = -1;
    if (nc_def_grp(file, name.c_str(), &group) == NC_NOERR) cook_group(recipe, group, attributes);
  }
  nc_close(file);
}

/// Whatever the system, observations are taken or refused.
void try_observations(const std::string& path, unsigned choice) {
  const StateLayout layout = choice % 3 == 0 ? lorenz() : choice % 3 == 1 ? ocean() : flow();
  ObservationFileParameters parameters;
  if ((choice & 4U) != 0) parameters.space = PointChoice::nearest;
  if ((choice & 8U) != 0) parameters.time = PointChoice::nearest;
  if ((choice & 16U) != 0) parameters.error = {0.5};
  if ((choice & 32U) == 0) parameters.background_check = 0;
  if ((choice & 64U) != 0) parameters.good_flags = {0, 2};
  try {
    const auto y = read_observations(path, layout, Normalisation::identity(layout.event), parameters, {});
    require(y.parts.front().values.numel() > 0 && !y.qc_summary.empty(), "observations without any");
    if (y.length < 1000) y.departure(at::zeros(prepend({1, y.length}, layout.event), at::kDouble));
  } catch (const Error&) {
  }
}

/// All fields of a table and the lines of its rows, and what is wrong with it.
std::string fields_of(const std::string& path, std::size_t block) {
  std::string all;
  try {
    io::CsvReader reader(path, block);
    while (reader.next()) {
      all += std::to_string(reader.line());
      for (std::size_t i = 0; i < reader.names().size(); ++i) all += "|" + std::string(reader.field(i));
    }
  } catch (const Error& error) {
    all += error.what();
  }
  return all;
}

/// Imports what a recipe says, of a file with these groups.
void try_user_data(Recipe& recipe, const std::vector<std::string>& groups) {
  const Scratch scratch;
  DataParameters p{.files = {scratch.path}, .variables = {recipe.flag() ? "u" : recipe.name()}};
  if (recipe.flag()) p.variables.push_back(recipe.name());
  if (recipe.flag()) p.trajectory = recipe.name();
  if (recipe.flag()) p.level = recipe.name();
  for (unsigned axes = recipe.below(3); axes > 0; --axes) p.space.push_back(recipe.name());
  if (recipe.flag()) p.gaps = GapRule::cut;
  if (recipe.flag()) p.missing = MissingRule::mask;
  if (recipe.flag()) p.join = FileJoin::time;
  if (recipe.flag()) p.context = {recipe.name()};
  p.length = recipe.below(4);
  p.step = recipe.below(2);
  cook(recipe, scratch.path, groups);
  try {
    UserData read(p);
    read.survey(read.size());
    require(read.read(0, read.size()).isfinite().all().item<bool>(), "states that are not finite");
  } catch (const Error&) {
  }
}

}  // namespace

void csv(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return;
  const MemoryFile file(data + 1, size - 1);
  try_observations(file.path(), data[0]);
  if (size > 4096) return;  // small blocks are read again and again
  // Where a byte is no text, one block may be refused for it and another for a row before it.
  const std::string whole = fields_of(file.path(), std::size_t{1} << 20),
                    parts = fields_of(file.path(), 1 + data[0] % 7);
  const bool is_text = whole.find("UTF-8") == std::string::npos && whole.find("zero bytes") == std::string::npos;
  require(!is_text || whole == parts, "a table reads otherwise in blocks");
}

void observations_netcdf(const std::uint8_t* data, std::size_t size) {
  Recipe recipe(data, size,
                {"sst", "ssh", "time", "dateTime", "lat", "longitude", "lon", "u", "x", "y", "ssh_error", "u_flag"});
  const unsigned choice = recipe.byte();
  std::vector<std::string> groups;
  if (recipe.flag()) groups = {"MetaData", "ObsValue", "ObsError", "PreQC"};
  const Scratch scratch;
  cook(recipe, scratch.path, groups);
  try_observations(scratch.path, choice);
}

void observations_swath(const std::uint8_t* data, std::size_t size) {
  Recipe recipe(
      data, size,
      {"sst", "ssh", "time", "valid_time", "lat", "longitude", "lon", "x", "n", "sst_qc", "sst_error", "JULD"});
  const unsigned choice = recipe.byte();
  std::vector<std::string> groups;
  if (recipe.flag()) groups = {"PRODUCT", "FLAGS"};
  const Scratch scratch;
  cook(recipe, scratch.path, groups);
  try_observations(scratch.path, choice);
}

void observations_ragged(const std::uint8_t* data, std::size_t size) {
  Recipe recipe(data, size,
                {"sst", "time", "lat", "lon", "obs", "profile", "count", "index", "sst_dtime", "delta_time",
                 "sst@ObsValue", "latitude@MetaData", "longitude@MetaData", "datetime@MetaData", "time@MetaData",
                 "sst@ObsError", "sst@PreQC", "station"});
  const unsigned choice = recipe.byte();
  std::vector<std::string> groups;
  if (recipe.flag()) groups = {"PRODUCT"};
  const Scratch scratch;
  cook(recipe, scratch.path, groups,
       {{"sample_dimension", "instance_dimension", "units", "_FillValue", "ancillary_variables"},
        {"obs", "profile", "station", "s", "hours since 2004-02-28", "K", ""}});
  try_observations(scratch.path, choice);
}

void experiment(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const Experiment read = read_recorded_experiment(text, "fuzz");
    const std::string written = to_toml(read);
    require(to_toml(read_recorded_experiment(written, "again")) == written, "TOML does not read back to the same");
  } catch (const Error&) {
  }
}

void state_dict(const std::uint8_t* data, std::size_t size) {
  try {
    for (const auto& tensor : io::read_state_dict(MemoryFile(data, size).path()))
      require(tensor.value.defined(), "a name without a tensor");
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
      require(y.sizes() == prepend({2}, op->observation_shape(layout.event)), "observations of another shape");
      require(op->vjp(x, at::ones_like(y)).sizes() == x.sizes(), "a VJP of another shape");
    } catch (const Error&) {
    }
  }
}

void user_data(const std::uint8_t* data, std::size_t size) {
  Recipe recipe(data, size, {"u", "v", "time", "lev", "y", "x", "member", "height"});
  try_user_data(recipe, {});
}

void user_data_groups(const std::uint8_t* data, std::size_t size) {
  Recipe recipe(data, size, {"u", "v", "time", "lat", "y", "x", "PRODUCT/u", "OTHER/u", "/OTHER/v", "lon"});
  try_user_data(recipe, {"PRODUCT", "OTHER"});
}

}  // namespace sda::fuzz
