/// The kinds of networks: a row for each, which its own source fills; private to the module.
#pragma once

#include <memory>
#include <string>

#include "sda/prior/network.hpp"

namespace sda {

struct NetworkType {
  NetworkKind kind;
  /// Whether it sees context fields beside the state.
  bool (*takes_context)(const NetworkParameters& parameters);
  /// "channels 64-128, blocks 3-3, zeros padding": what a user chose of its size; empty where we know nothing of it.
  std::string (*size)(const NetworkParameters& parameters);
  /// See `make_network`.
  std::shared_ptr<Network> (*make)(const NetworkParameters& parameters, at::IntArrayRef event, std::uint64_t seed,
                                   const Tensor& context);
};

// In the order of NetworkKind. To add one: its name there, a row here, and a source of its own that defines it.
extern const NetworkType residual_mlp_type, unet_type, script_type;

const NetworkType& network_type(NetworkKind kind);

}  // namespace sda
