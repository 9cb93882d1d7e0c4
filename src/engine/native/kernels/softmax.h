// Softmax over the last axis with a bias before and a dropout behind, and its gradient.
#ifndef KUMPAS_KERNELS_SOFTMAX_H_
#define KUMPAS_KERNELS_SOFTMAX_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "dropout-draw.h"
#include "numbers.h"

namespace kumpas {

// Rows start at any place, so each takes the blocks that it touches; `scratch` holds their bytes as 0 and 1.
inline const float* KeptOfRow(const Draw& draw, int64_t from, int64_t width, float* scratch) {
  const int64_t first = from / kBlock;
  for (int64_t block = first; block * kBlock < from + width; block++) Kept(draw, block, scratch + (block - first) * kBlock);
  return scratch + (from - first * kBlock);
}

template <typename T>
void SoftmaxRows(const T* scores, const float* bias, int64_t rows_of_bias, const Draw& draw, int64_t from, int64_t to, int64_t width, float* scratch,
                         float* weights, T* kept) {
  for (int64_t row = from; row < to; row++) {
    const T* s = scores + row * width;
    const float* b = bias + row / rows_of_bias * width;
    float* w = weights + row * width;
    float largest = -INFINITY;
    for (int64_t at = 0; at < width; at++) {
      w[at] = Load(s + at) + b[at];
      largest = std::max(largest, w[at]);
    }
    float sum = 0;
    for (int64_t at = 0; at < width; at++) w[at] = Exp(w[at] - largest);
    for (int64_t at = 0; at < width; at++) sum += w[at];
    const float share = 1.0f / sum;
    for (int64_t at = 0; at < width; at++) w[at] *= share;
    T* k = kept + row * width;
    if (draw.threshold == 0) {
      for (int64_t at = 0; at < width; at++) Store(k + at, w[at]);
    } else {
      const float* mask = KeptOfRow(draw, row * width, width, scratch);
      for (int64_t at = 0; at < width; at++) Store(k + at, w[at] * mask[at]);
    }
  }
}

template <typename T>
void SoftmaxGradRows(const T* dkept, const float* weights, const Draw& draw, int64_t from, int64_t to, int64_t width, float* scratch, T* dscores) {
  for (int64_t row = from; row < to; row++) {
    const T* d = dkept + row * width;
    const float* w = weights + row * width;
    T* out = dscores + row * width;
    if (draw.threshold == 0) {
      for (int64_t at = 0; at < width; at++) scratch[at] = Load(d + at);
    } else {
      float* mask = const_cast<float*>(KeptOfRow(draw, row * width, width, scratch));
      for (int64_t at = 0; at < width; at++) scratch[at] = Load(d + at) * mask[at];
    }
    float sum = 0;
    for (int64_t at = 0; at < width; at++) sum += scratch[at] * w[at];
    for (int64_t at = 0; at < width; at++) Store(out + at, w[at] * (scratch[at] - sum));
  }
}

}  // namespace kumpas

#endif
