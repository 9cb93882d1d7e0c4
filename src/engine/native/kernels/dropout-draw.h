// Which values a dropout keeps.
#ifndef KUMPAS_KERNELS_DROPOUT_DRAW_H_
#define KUMPAS_KERNELS_DROPOUT_DRAW_H_

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "numbers.h"

namespace kumpas {

// A byte for each value, a function of (seed, step, place in the model, place in the tensor of the whole batch): nothing is stored, and the gradient draws
// the same again; so does whoever computes a part of the batch, or leaves its padding out.
struct Draw {
  uint32_t first;
  uint32_t second;
  uint32_t threshold;  // of 256: the bytes below are dropped. 0 keeps all.
};

// Where the values of a tensor `[rows, width]` stand in that of the whole batch.
struct Places {
  uint64_t first;            // of the first example's first value
  const int32_t* positions;  // which row each one is, from there on; null where they follow one another
  int64_t width;
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

inline void Kept(const Draw& draw, uint64_t block, float* kept) {
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

// Calls work(from, to, place) for the runs of [from, to) whose values follow one another in the whole batch, `place` being that of the first.
template <typename Work>
void EachRun(const Places& places, int64_t from, int64_t to, const Work& work) {
  const auto place_of = [&](int64_t row) { return places.first + static_cast<uint64_t>(places.positions[row]) * static_cast<uint64_t>(places.width); };
  if (places.positions == nullptr) return work(from, to, places.first + static_cast<uint64_t>(from));
  for (int64_t start = from; start < to;) {
    const int64_t first = start / places.width;
    int64_t next = first + 1;
    while (next * places.width < to && places.positions[next] == places.positions[next - 1] + 1) next++;
    const int64_t end = std::min(to, next * places.width);
    work(start, end, place_of(first) + static_cast<uint64_t>(start - first * places.width));
    start = end;
  }
}

// Calls work(start, count, kept) for pieces of [from, to): `kept` holds 1 or 0 for each of the `count` values from `start` on. Most pieces are whole blocks, whose
// count is a constant.
template <typename Work>
void EachKept(const Draw& draw, const Places& places, int64_t from, int64_t to, const Work& work) {
  EachRun(places, from, to, [&](int64_t start, int64_t end, uint64_t place) {
    while (start < end) {
      float kept[kBlock];
      Kept(draw, place / kBlock, kept);
      const int64_t before = static_cast<int64_t>(place % kBlock), count = std::min(kBlock - before, end - start);
      if (count == kBlock) {
        work(start, std::integral_constant<int64_t, kBlock>{}, static_cast<const float*>(kept));
      } else {
        work(start, count, static_cast<const float*>(kept + before));
      }
      start += count;
      place += static_cast<uint64_t>(count);
    }
  });
}

}  // namespace kumpas

#endif
