// Counter-based random streams (Philox 4×32-10, Salmon et al. 2011): filling tensors. The arithmetic and the way a
// stream's name becomes key and counter are in core/stream.hpp.
#include "sda/core/random.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "core/stream.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

using stream::Block;
using stream::Key;

/// Where the blocks of one piece of work lie: block i is block index[i] of the member with these halves.
struct Places {
  static constexpr int capacity = 512;
  alignas(64) std::uint32_t index[capacity];
  alignas(64) std::uint32_t member_low[capacity];
  alignas(64) std::uint32_t member_high[capacity];

  void set(int i, std::uint64_t member, std::uint32_t block) {
    index[i] = block;
    member_low[i] = static_cast<std::uint32_t>(member);
    member_high[i] = static_cast<std::uint32_t>(member >> 32);
  }
};

// The kernels: n blocks of draws, one after the other, into `out`. `step` is the low half of the stream's.
SDA_SIMD_CLONES void normal_blocks(float* out, const Places& at, int n, Key key, std::uint32_t step) {
#pragma GCC ivdep
  for (int i = 0; i < n; ++i) {
    const Block words = stream::philox({at.index[i], step, at.member_low[i], at.member_high[i]}, key);
    stream::normals(words, out + 4 * i);
  }
}
SDA_SIMD_CLONES void normal_blocks(double* out, const Places& at, int n, Key key, std::uint32_t step) {
#pragma GCC ivdep
  for (int i = 0; i < n; ++i) {
    const Block words = stream::philox({at.index[i], step, at.member_low[i], at.member_high[i]}, key);
    stream::normals(words, out + 2 * i);
  }
}
SDA_SIMD_CLONES void uniform_blocks(float* out, const Places& at, int n, Key key, std::uint32_t step) {
#pragma GCC ivdep
  for (int i = 0; i < n; ++i) {
    const Block words = stream::philox({at.index[i], step, at.member_low[i], at.member_high[i]}, key);
    stream::uniforms(words, out + 4 * i);
  }
}
SDA_SIMD_CLONES void uniform_blocks(double* out, const Places& at, int n, Key key, std::uint32_t step) {
#pragma GCC ivdep
  for (int i = 0; i < n; ++i) {
    const Block words = stream::philox({at.index[i], step, at.member_low[i], at.member_high[i]}, key);
    stream::uniforms(words, out + 2 * i);
  }
}

/// Fills rows of `row` elements: element e of row m, counted from the name's first element on, is draw e mod per_block
/// of block e / per_block of that member.
template <class Real, class Kernel>
void fill_rows(Real* out, std::int64_t rows, std::int64_t row, const StreamKey& name, Kernel kernel) {
  constexpr std::int64_t per_block = stream::per_block<Real>;
  const std::int64_t first_block = name.first_element / per_block, left_out = name.first_element % per_block;
  const std::int64_t blocks = (left_out + row + per_block - 1) / per_block;  // that a row touches
  if (first_block + blocks > std::int64_t{1} << 32) {
    throw ValueError({.what = "a member's row needs more blocks than a stream has",
                      .where = "random streams",
                      .found = std::to_string(name.first_element + row) + " elements",
                      .expected = "at most " + std::to_string(per_block << 32),
                      .hint = "split the row over several steps of the stream"});
  }
  const Key key = stream::make_key(name.seed, name.purpose, name.step);
  const auto step = static_cast<std::uint32_t>(name.step);
  const bool packed = row == blocks * per_block;  // no block is cut at a row's beginning or end
  constexpr std::int64_t grain = 16384 / per_block;
  at::parallel_for(0, rows * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    Places at;
    alignas(64) std::array<Real, Places::capacity * per_block> cut;
    for (std::int64_t first = begin; first < end; first += Places::capacity) {
      const int n = static_cast<int>(std::min<std::int64_t>(Places::capacity, end - first));
      std::int64_t m = first / blocks, b = first % blocks;
      for (int i = 0; i < n; ++i) {
        at.set(i, name.first_member + static_cast<std::uint64_t>(m), static_cast<std::uint32_t>(first_block + b));
        if (++b == blocks) b = 0, ++m;
      }
      if (packed) {
        kernel(out + first * per_block, at, n, key, step);
        continue;
      }
      kernel(cut.data(), at, n, key, step);
      m = first / blocks, b = first % blocks;
      for (int i = 0; i < n; ++i) {
        const std::int64_t e = b * per_block - left_out;  // the block's first draw in the row, which may begin after it
        const std::int64_t from = std::max<std::int64_t>(0, -e), to = std::min(per_block, row - e);
        std::memcpy(out + m * row + e + from, cut.data() + i * per_block + from,
                    static_cast<std::size_t>(to - from) * sizeof(Real));
        if (++b == blocks) b = 0, ++m;
      }
    }
  });
}

void check_fillable(const Tensor& out) {
  const bool typed = out.scalar_type() == at::kFloat || out.scalar_type() == at::kDouble;
  if (typed && out.device().is_cpu() && out.is_contiguous() && out.dim() > 0) return;
  throw ShapeError({.what = "a tensor that cannot be filled with draws",
                    .where = "random streams",
                    .found = std::string(c10::toString(out.scalar_type())) + ", " + to_string(out.sizes()) +
                             (out.is_contiguous() ? "" : ", not contiguous"),
                    .expected = "contiguous float32 or float64 in main memory, (member, …event)"});
}

template <class Kernel>
void fill(Tensor& out, const StreamKey& name, Kernel kernel) {
  check_fillable(out);
  if (out.numel() == 0) return;
  const std::int64_t rows = out.size(0), row = out.numel() / rows;
  if (out.scalar_type() == at::kFloat) {
    fill_rows(out.data_ptr<float>(), rows, row, name, kernel);
  } else {
    fill_rows(out.data_ptr<double>(), rows, row, name, kernel);
  }
}

/// A whole number below `bound` from 64 random bits; uneven by at most bound · 2⁻⁶⁴.
std::uint64_t below(std::uint64_t bits, std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * bound) >> 64);
}

}  // namespace

namespace {
constexpr auto draw_normals = [](auto* to, const auto&... rest) { normal_blocks(to, rest...); };
constexpr auto draw_uniforms = [](auto* to, const auto&... rest) { uniform_blocks(to, rest...); };
}  // namespace

void fill_normal(Tensor& out, const StreamKey& key) {
  fill(out, key, draw_normals);
}

void fill_uniform(Tensor& out, const StreamKey& key) {
  fill(out, key, draw_uniforms);
}

void fill_normal(float* out, std::int64_t rows, std::int64_t row, const StreamKey& key) {
  fill_rows(out, rows, row, key, draw_normals);
}

void fill_uniform(float* out, std::int64_t rows, std::int64_t row, const StreamKey& key) {
  fill_rows(out, rows, row, key, draw_uniforms);
}

Tensor normal(at::IntArrayRef shape, const StreamKey& key, at::ScalarType dtype) {
  Tensor out = at::empty(shape, dtype);
  fill_normal(out, key);
  return out;
}

Tensor uniform(at::IntArrayRef shape, const StreamKey& key, at::ScalarType dtype) {
  Tensor out = at::empty(shape, dtype);
  fill_uniform(out, key);
  return out;
}

double uniform_scalar(const StreamKey& key) {
  const Block b = stream::draw(stream::make_key(key.seed, key.purpose, key.step), key.first_member, key.step, 0);
  return stream::uniform(b.w0, b.w1);
}

std::vector<std::int64_t> permutation(std::int64_t n, const StreamKey& key) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const Key drawn = stream::make_key(key.seed, key.purpose, key.step);
  // Fisher-Yates from the end; draw j is half j mod 2 of block j / 2.
  Block b;
  for (std::int64_t i = n - 1, j = 0; i > 0; --i, ++j) {
    if (j % 2 == 0) b = stream::draw(drawn, key.first_member, key.step, static_cast<std::uint32_t>(j / 2));
    const std::uint64_t bits = j % 2 == 0 ? std::uint64_t{b.w0} << 32 | b.w1 : std::uint64_t{b.w2} << 32 | b.w3;
    std::swap(order[static_cast<std::size_t>(i)],
              order[static_cast<std::size_t>(below(bits, static_cast<std::uint64_t>(i) + 1))]);
  }
  return order;
}

}  // namespace sda
