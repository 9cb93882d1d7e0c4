// Dropout over a range of values, alone, with what it is added to, or of a relu.
#ifndef KUMPAS_KERNELS_DROPOUT_H_
#define KUMPAS_KERNELS_DROPOUT_H_

#include <algorithm>
#include <cstdint>

#include "dropout-draw.h"
#include "numbers.h"

namespace kumpas {

// y = x * kept * scale (+ residual)
template <typename From, typename To, bool kAdd>
void DropoutRange(const From* x, const float* residual, const Draw& draw, const Places& places, float scale, int64_t from, int64_t to, To* y) {
  EachKept(draw, places, from, to, [=](int64_t start, auto count, const float* kept) {
    To* __restrict to_y = y + start;
    for (int64_t at = 0; at < count; at++) {
      const float value = Load(x + start + at) * (kept[at] * scale);
      Store(to_y + at, kAdd ? value + residual[start + at] : value);
    }
  });
}

template <typename T>
void ReluDropoutRange(const T* x, const Draw& draw, const Places& places, int64_t from, int64_t to, T* y) {
  EachKept(draw, places, from, to, [=](int64_t start, auto count, const float* kept) {
    for (int64_t at = 0; at < count; at++) Store(y + start + at, std::max(Load(x + start + at), 0.0f) * kept[at]);
  });
}

// dy where y is not zero; NaN where y is.
template <typename T>
void ReluGradRange(const T* dy, const T* y, int64_t from, int64_t to, T* dx) {
  for (int64_t at = from; at < to; at++) {
    const float value = Load(y + at);
    Store(dx + at, value > 0.0f ? Load(dy + at) : value == value ? 0.0f : value);
  }
}

}  // namespace kumpas

#endif
