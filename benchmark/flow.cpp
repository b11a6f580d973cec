/// The library's side of benchmark/flow: transitions of Kolmogorov flow.
///   sda_flow_benchmark FOLDER GRID MEMBERS float32|float64 SECONDS THREADS wall|processor
/// reads velocities (MEMBERS, 2, GRID, GRID) from FOLDER/start, writes those of one transition later to FOLDER/next,
/// and prints the solver's steps in a transition, the seconds of transitions, and those of as many Fourier transforms
/// alone.
#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/torch.hpp"
#include "sda/core/runtime.hpp"
#include "sda/dynamics/kolmogorov.hpp"
#include "timing.hpp"

namespace {

using sda::Tensor;
using sda::benchmark::Clock;
using sda::benchmark::time_of;

/// Two fields to modes and back, as the solver does it four times a step, of each member.
void transforms(const Tensor& velocity, std::int64_t steps) {
  const std::int64_t n = velocity.size(-1), kept = (n - 1) / 3 + 1;
  at::parallel_for(0, velocity.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad;
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t stage = 0; stage < 4 * steps; ++stage) {
        const Tensor modes =
            at::fft_fft(at::fft_rfft(velocity[i], c10::nullopt, -1).narrow(-1, 0, kept), c10::nullopt, -2);
        at::fft_irfft(at::fft_ifft(modes, c10::nullopt, -2), n, -1);
      }
    }
  });
}

void run(const std::string& folder, std::int64_t grid, std::int64_t members, at::ScalarType dtype, double seconds,
         Clock clock) {
  const sda::KolmogorovFlow flow({.solver_grid = grid});
  const Tensor start = at::empty({members, 2, grid, grid}, dtype);
  const auto bytes = static_cast<std::streamsize>(start.nbytes());
  std::ifstream in(folder + "/start", std::ios::binary);
  if (!in.read(static_cast<char*>(start.data_ptr()), bytes)) throw std::runtime_error("cannot read FOLDER/start");
  Tensor next = start.clone();
  flow.advance(next, 1, {});
  std::ofstream out(folder + "/next", std::ios::binary);
  if (!out.write(static_cast<const char*>(next.data_ptr()), bytes))
    throw std::runtime_error("cannot write FOLDER/next");

  const auto transitions = time_of(
      [&] {
        Tensor x = start.clone();
        flow.advance(x, 1, {});
      },
      seconds, clock);
  const auto alone = time_of([&] { transforms(start, flow.solver_steps()); }, seconds / 2, clock);
  const nlohmann::json line{{"steps", flow.solver_steps()}, {"seconds", transitions}, {"transforms", alone}};
  std::printf("%s\n", line.dump().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr,
                 "usage: sda_flow_benchmark FOLDER GRID MEMBERS float32|float64 SECONDS THREADS wall|processor\n");
    return 2;
  }
  try {
    sda::configure_runtime(sda::choose_threads(std::stoi(argv[6])));
    run(argv[1], std::stoll(argv[2]), std::stoll(argv[3]), std::string(argv[4]) == "float64" ? at::kDouble : at::kFloat,
        std::stod(argv[5]), std::string(argv[7]) == "processor" ? Clock::processor : Clock::wall);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sda_flow_benchmark: %s\n", error.what());
    return 1;
  }
}
