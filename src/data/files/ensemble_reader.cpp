#include "sda/data/files/ensemble_reader.hpp"

#include "core/torch.hpp"
#include "data/files/fields.hpp"
#include "data/files/head.hpp"
#include "data/files/layout.hpp"
#include "data/formats/reading.hpp"

namespace sda {

using namespace io;

class EnsembleReader::File {
 public:
  explicit File(const std::string& path) : reader_(path) {
    const ReadableGroup file = reader_.root();
    require_kind(file, FileKind::ensemble);
    const StateLayout layout = read_layout(file);
    const States first = read_states(file, layout, SomeMembers{.first = 0, .count = 1});
    head = {.layout = layout,
            .members = file.shape(layout.variables.front().name)[1],
            .length = first.states.size(1),
            .start_time = first.start_time,
            .method = file.text("sda_method"),
            .first_member = file.has_attribute("sda_first_member") ? file.integer("sda_first_member") : 0,
            .inputs = file.text_or_empty("sda_inputs"),
            .provenance = read_provenance(file)};
    cost = {.seconds = file.number("sda_seconds"), .evaluations = file.integer("sda_evaluations")};
  }

  Tensor read(std::int64_t first, std::int64_t count) const {
    return read_states(reader_.root(), head.layout, SomeMembers{.first = first, .count = count}).states;
  }
  const std::string& path() const { return reader_.path(); }

  EnsembleHead head;
  EnsembleCost cost;

 private:
  NetcdfReader reader_;
};

EnsembleReader::EnsembleReader(const std::string& path)
    : file_(reading_file(path, [&] { return std::make_unique<File>(path); })) {}
EnsembleReader::~EnsembleReader() = default;

const EnsembleHead& EnsembleReader::head() const {
  return file_->head;
}
const EnsembleCost& EnsembleReader::cost() const {
  return file_->cost;
}
Tensor EnsembleReader::read(std::int64_t first, std::int64_t count) const {
  return reading_file(file_->path(), [&] { return file_->read(first, count); });
}

}  // namespace sda
