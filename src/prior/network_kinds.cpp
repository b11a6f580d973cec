/// Which networks there are.
#include "prior/network_kinds.hpp"

#include <fmt/format.h>

#include <array>

#include "sda/core/error.hpp"

namespace sda {

const NetworkType& network_type(NetworkKind kind) {
  static const std::array all{&residual_mlp_type, &unet_type, &script_type};
  static_assert(all.size() == choice_names(NetworkKind{}).size());
  return *all[static_cast<std::size_t>(kind)];
}

bool takes_context(const NetworkParameters& parameters) {
  return network_type(parameters.kind).takes_context(parameters);
}

std::string size_in_words(const NetworkParameters& parameters) {
  const std::string size = network_type(parameters.kind).size(parameters);
  if (size.empty()) return size;
  return fmt::format("{}, embedding {}, {}", size, parameters.embedding, name_of(parameters.activation));
}

std::shared_ptr<Network> make_network(const NetworkParameters& parameters, at::IntArrayRef event, std::uint64_t seed,
                                      const Tensor& context) {
  return network_type(parameters.kind).make(parameters, event, seed, context);
}

}  // namespace sda
