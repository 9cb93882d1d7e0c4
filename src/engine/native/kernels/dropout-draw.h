// Which values a dropout keeps.
#ifndef KUMPAS_KERNELS_DROPOUT_DRAW_H_
#define KUMPAS_KERNELS_DROPOUT_DRAW_H_

#include <cstdint>

#include "numbers.h"

namespace kumpas {

// A byte for each value, a function of (seed, step, place in the model, place in the tensor): nothing is stored, and the gradient draws the same again.
struct Draw {
  uint32_t first;
  uint32_t second;
  uint32_t threshold;  // of 256: the bytes below are dropped. 0 keeps all.
};

// A bijection of 32-bit numbers in which each bit of the input changes half of the output's (C. Wellons, "Prospecting for hash functions", 2018).
inline uint32_t Mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x21f0aaadu;
  x = (x ^ (x >> 15)) * 0x735a2d97u;
  return x ^ (x >> 15);
}

inline Draw DrawOf(const int32_t* seed, int32_t place, int32_t threshold) {
  const uint32_t run = Mix(static_cast<uint32_t>(seed[0]) + 0x9e3779b9u * static_cast<uint32_t>(place));
  const uint32_t step = Mix(static_cast<uint32_t>(seed[1]) ^ Mix(static_cast<uint32_t>(place) + 0x85ebca6bu));
  return {run, step, static_cast<uint32_t>(threshold)};
}

// Values whose bytes come from the same words are drawn together: value 16 b + w of a block has byte b of word w.
constexpr int64_t kBlock = 64;

inline void Kept(const Draw& draw, int64_t block, float* kept) {
  uint32_t words[kParts];
  for (int word = 0; word < kParts; word++) {
    words[word] = Mix(Mix(static_cast<uint32_t>(block * kParts + word) + draw.first) ^ draw.second);
  }
  for (int byte = 0; byte < 4; byte++) {
    for (int word = 0; word < kParts; word++) {
      kept[byte * kParts + word] = ((words[word] >> (8 * byte)) & 255u) >= draw.threshold ? 1.0f : 0.0f;
    }
  }
}

}  // namespace kumpas

#endif
