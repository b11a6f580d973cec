/// Networks of the public reference implementation: `state.pth` and `config.json` become a prior with the very weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <zlib.h>

#include <map>

#include "golden.hpp"
#include "io_examples.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/data/import/reference.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Reference {
  std::string name;    ///< of the golden files
  std::string prefix;  ///< of the reference's parameters
  std::string config;
  StateLayout layout;
};

StateLayout square_flow_layout() {
  auto layout = flow_layout();
  layout.event = {2, 16, 16};
  return layout;
}

const std::vector<Reference> references{
    {"lorenz_local", "kernel.",
     R"({"window": 5, "embedding": 16, "width": 32, "depth": 3, "activation": "SiLU", "epochs": 1, "batch_size": 64,
         "optimizer": "AdamW", "learning_rate": 0.001, "weight_decay": 0.001, "scheduler": "linear"})",
     lorenz_layout()},
    {"lorenz_global_unet1d", "score.",
     R"({"embedding": 16, "hidden_channels": [8, 16], "hidden_blocks": [1, 2], "activation": "SiLU", "epochs": 1})",
     lorenz_layout()},
    {"kolmogorov_local_unet2d", "kernel.",
     R"({"window": 3, "embedding": 16, "hidden_channels": [8, 16], "hidden_blocks": [1, 1], "kernel_size": 3,
         "activation": "SiLU"})",
     square_flow_layout()}};

std::string state_of(const Reference& reference) {
  return std::string(SDA_GOLDEN_DIR) + "/" + reference.name + ".pth";
}

std::string little_endian(std::uint64_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>((number >> (8 * i)) & 0xff);
  return text;
}

/// A zip archive of one stored entry.
std::string zip_of(const std::string& name, const std::string& content) {
  const auto checksum = crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
  const auto size = little_endian(content.size(), 4);
  // Version, flags, method, time, date; checksum, sizes, lengths of name and extra field.
  const auto header = little_endian(10, 2) + std::string(8, '\0') + little_endian(checksum, 4) + size + size +
                      little_endian(name.size(), 2) + little_endian(0, 2);
  const auto entry = "PK\3\4" + header + name + content;
  const auto directory = "PK\1\2" + little_endian(10, 2) + header + std::string(14, '\0') + name;
  return entry + directory + "PK\5\6" + std::string(4, '\0') + little_endian(1, 2) + little_endian(1, 2) +
         little_endian(directory.size(), 4) + little_endian(entry.size(), 4) + std::string(2, '\0');
}

class ReferenceImport : public testing::Test {
 protected:
  std::string config(const std::string& text) {
    write_bytes(folder_.file("config.json"), text);
    return folder_.file("config.json");
  }
  std::string message(const Reference& reference, const std::string& state, const std::string& text) {
    try {
      import_reference_model(state, config(text), reference.layout, Normalisation::identity(reference.layout.event));
    } catch (const FileError& error) {
      return error.what();
    } catch (const std::exception& error) {
      return std::string("another error: ") + error.what();
    }
    return "no error";
  }
  ScratchFolder folder_;
};

TEST_F(ReferenceImport, WeightsAreThoseOfTheReferenceBitForBit) {
  for (const auto& reference : references) {
    const auto prior = import_reference_model(state_of(reference), config(reference.config), reference.layout,
                                              Normalisation::identity(reference.layout.event));
    for (const auto& [name, value] : prior.network->parameters()) {
      const Tensor expected = golden(reference.name + ".h5", "weights/" + reference.prefix + name);
      EXPECT_TRUE(same(value, expected)) << reference.name << " " << name;
    }
    const bool flow = reference.layout.event.size() == 3;
    EXPECT_EQ(prior.context.defined(), flow);
    EXPECT_TRUE(same(prior.context, flow ? golden(reference.name + ".h5", "weights/kernel.forcing") : Tensor()));
  }
}

TEST_F(ReferenceImport, ConfigurationIsThatOfTheReference) {
  const auto imported = [&](const Reference& reference) {
    return import_reference_model(state_of(reference), config(reference.config), reference.layout,
                                  Normalisation::identity(reference.layout.event))
        .network_parameters;
  };
  const auto local = imported(references[0]);
  EXPECT_EQ(local.kind, NetworkKind::residual_mlp);
  EXPECT_EQ(local.order, 2);
  EXPECT_FALSE(local.global);
  const auto global = imported(references[1]);
  EXPECT_TRUE(global.global);
  EXPECT_EQ(global.window, 32);
  EXPECT_EQ(global.padding, Padding::zeros);
  EXPECT_EQ(global.blocks, (std::vector<std::int64_t>{1, 2}));
  const auto flow = imported(references[2]);
  EXPECT_EQ(flow.order, 1);
  EXPECT_EQ(flow.padding, Padding::circular);
}

TEST_F(ReferenceImport, AnImportedModelIsWrittenAndReadAsAnyOther) {
  for (const auto& reference : references) {
    const auto prior = import_reference_model(state_of(reference), config(reference.config), reference.layout,
                                              Normalisation::identity(reference.layout.event));
    write_model(folder_.file("model.nc"), prior, nullptr, example_provenance());
    EXPECT_TRUE(same(read_model(folder_.file("model.nc")).prior, prior)) << reference.name;
  }
}

TEST_F(ReferenceImport, SaysWhichKeyDisagreesWithTheWeights) {
  const auto& local = references[0];
  const auto state = state_of(local);
  EXPECT_THAT(message(local, state, R"({"window": 5, "embedding": 32, "width": 32, "depth": 3, "activation": "SiLU"})"),
              AllOf(HasSubstr("config.json: embedding"), HasSubstr("expected 16")));
  EXPECT_THAT(message(local, state, R"({"window": 5, "embedding": 16, "width": 64, "depth": 3, "activation": "SiLU"})"),
              AllOf(HasSubstr("config.json: width"), HasSubstr("expected 32")));
  EXPECT_THAT(message(local, state, R"({"window": 7, "embedding": 16, "width": 32, "depth": 3, "activation": "SiLU"})"),
              AllOf(HasSubstr("config.json"), HasSubstr("network.0.weight"), HasSubstr("32 × 31")));
  EXPECT_THAT(message(local, state, R"({"window": 5, "embedding": 16, "width": 32, "depth": 4, "activation": "SiLU"})"),
              AllOf(HasSubstr("config.json"), HasSubstr("parameters")));
  EXPECT_THAT(message(local, state, R"({"window": 4, "embedding": 16, "width": 32, "depth": 3, "activation": "SiLU"})"),
              AllOf(HasSubstr("config.json: window"), HasSubstr("odd")));
  EXPECT_THAT(message(local, state, R"({"window": 5, "width": 32, "depth": 3, "activation": "SiLU"})"),
              HasSubstr("key embedding is missing"));
  EXPECT_THAT(message(local, state, R"({"window": 5, "embedding": 16, "width": 32, "depth": 3, "activation": "Tanh"})"),
              HasSubstr("Tanh"));
  EXPECT_THAT(message(local, state, "not json"), HasSubstr("not a JSON object"));
  EXPECT_THAT(
      message(references[1], state_of(references[1]),
              R"({"embedding": 16, "hidden_channels": [9, 16], "hidden_blocks": [1, 2], "activation": "SiLU"})"),
      AllOf(HasSubstr("config.json: hidden_channels"), HasSubstr("expected 8")));
}

TEST_F(ReferenceImport, RefusesWhatIsNoStateDict) {
  const auto& local = references[0];
  const std::string other = folder_.file("state.pth");
  EXPECT_THAT(message(local, other, local.config), HasSubstr("state.pth: cannot be read"));
  write_bytes(other, "\x80\x02}q\x01.");
  EXPECT_THAT(message(local, other, local.config), HasSubstr("not an archive of torch.save"));
  const auto whole = read_bytes(state_of(local));
  for (const std::size_t size : {whole.size() - 1, whole.size() / 2, std::size_t{4}}) {
    write_bytes(other, whole.substr(0, size));
    EXPECT_THAT(message(local, other, local.config), HasSubstr("state.pth")) << size;
  }
}

TEST_F(ReferenceImport, NeverRunsWhatAPickleNames) {
  const auto& local = references[0];
  const std::string other = folder_.file("state.pth");
  const std::string called = folder_.file("called");
  const std::string command = "touch " + called;
  const std::string pickle =
      "\x80\x02"
      "cposix\nsystem\nX" +
      little_endian(command.size(), 4) + command + "\x85R.";
  write_bytes(other, zip_of("state/data.pkl", pickle));
  EXPECT_THAT(message(local, other, local.config), HasSubstr("found a call of posix system"));
  EXPECT_FALSE(std::filesystem::exists(called));
}

TEST_F(ReferenceImport, AFlippedBitIsRefusedOrHarmless) {
  const auto& local = references[0];
  const auto whole = read_bytes(state_of(local));
  const auto identity = Normalisation::identity(local.layout.event);
  const auto expected = import_reference_model(state_of(local), config(local.config), local.layout, identity);
  const std::string other = folder_.file("state.pth");
  for (std::size_t at = 0; at < whole.size(); at += 193) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    write_bytes(other, damaged);
    try {
      EXPECT_TRUE(same(import_reference_model(other, config(local.config), local.layout, identity), expected)) << at;
    } catch (const Error&) {
    }
  }
}

TEST_F(ReferenceImport, TrajectoriesBecomePhysical) {
  const auto layout = lorenz_layout();
  const Tensor normalised = normal({2, 4, 3}, {.seed = 9});
  const std::string path = folder_.file("train.h5");
  const hsize_t extents[] = {2, 4, 3};
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(3, extents, nullptr);
  const hid_t set = H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, normalised.data_ptr());
  H5Dclose(set);
  H5Sclose(space);
  H5Fclose(file);

  const auto imported = import_reference_trajectories(path, layout, lorenz_normalisation());
  EXPECT_TRUE(same(imported.states, lorenz_normalisation().denormalise(normalised)));
  EXPECT_THROW(import_reference_trajectories(path, flow_layout(), lorenz_normalisation()), FileError);
  EXPECT_THROW(import_reference_trajectories(folder_.file("none.h5"), layout, lorenz_normalisation()), FileError);
}

}  // namespace
}  // namespace sda::test
