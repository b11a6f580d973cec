/// Kind and provenance of our files, as attributes.
#include "data/files/head.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sda/core/error.hpp"

namespace sda::io {
namespace {

struct KindNames {
  FileKind kind;
  const char* name;      ///< attribute sda_kind
  const char* sentence;  ///< in messages
  const char* source;    ///< what makes one
};
constexpr KindNames kinds[] = {
    {FileKind::trajectories, "trajectories", "a trajectories file", "`sda simulate` makes one"},
    {FileKind::observations, "observations", "an observations file", "`sda observe` makes one"},
    {FileKind::ensemble, "ensemble", "an ensemble file", "`sda assimilate` makes one"},
    {FileKind::model, "model", "a model file", "`sda train` makes one"},
    {FileKind::stopped_assimilation, "stopped_assimilation", "an ensemble under way",
     "`sda assimilate` leaves one when it is stopped"},
    {FileKind::drawn_members, "drawn_members", "members that are drawn, of an ensemble under way",
     "`sda assimilate` leaves them when it is stopped"},
    {FileKind::stopped_filter, "stopped_filter", "a particle filter under way",
     "`sda filter` leaves one when it is stopped"},
};
const KindNames& names_of(FileKind kind) {
  return *std::find_if(std::begin(kinds), std::end(kinds), [&](const auto& known) { return known.kind == kind; });
}

}  // namespace

void write_head(WritableGroup& file, FileKind kind, const std::string& title, const Provenance& provenance) {
  write_origin(file, title, provenance);
  file.attributes({{"sda_kind", names_of(kind).name}});
}

void write_origin(WritableGroup& file, const std::string& title, const Provenance& provenance) {
  file.attributes({{"Conventions", "CF-1.8"},
                   {"title", title},
                   {"history", provenance.created + ": " + provenance.command},
                   {"source", "sda " + provenance.version},
                   {"date_created", provenance.created},
                   {"sda_version", provenance.version},
                   {"sda_command", provenance.command},
                   {"sda_seed", provenance.seed},
                   {"sda_config", provenance.config}});
}

Provenance read_provenance(const ReadableGroup& file) {
  return {.command = file.text_or_empty("sda_command"),
          .config = file.text_or_empty("sda_config"),
          .seed = file.has_attribute("sda_seed") ? file.natural("sda_seed") : 0,
          .version = file.text_or_empty("sda_version"),
          .created = file.text_or_empty("date_created")};
}

FileKind read_kind(const ReadableGroup& file) {
  if (!file.has_attribute("sda_kind")) {
    throw FileError({.what = "not a file of sda: it has no attribute sda_kind", .where = file.path()});
  }
  const std::string name = file.text("sda_kind");
  for (const auto& kind : kinds) {
    if (name == kind.name) return kind.kind;
  }
  throw FileError({.what = "unknown kind of file",
                   .where = file.path() + ": attribute sda_kind",
                   .found = name,
                   .expected = "trajectories, observations, ensemble or model",
                   .hint = "a newer version of sda may know it"});
}

void require_kind(const ReadableGroup& file, FileKind expected) {
  const FileKind found = read_kind(file);
  if (found == expected) return;
  throw FileError({.what = "wrong kind of file",
                   .where = file.path(),
                   .found = names_of(found).sentence,
                   .expected = names_of(expected).sentence,
                   .hint = names_of(expected).source});
}

}  // namespace sda::io

namespace sda {

std::string to_string(FileKind kind) {
  return io::names_of(kind).name;
}

}  // namespace sda
