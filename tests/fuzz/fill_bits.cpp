/// std::__fill_a1 for the bits of vector<bool>, compiled without cmake/clang_tidy.hpp, which leaves it undefined.
#include <vector>

using FillBits = void (*)(std::_Bit_iterator, std::_Bit_iterator, const bool&);
extern const FillBits fill_bits;
const FillBits fill_bits = &std::__fill_a1;
