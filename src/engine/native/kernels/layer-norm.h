// Layer normalisation over the last axis, and its gradient.
#ifndef KUMPAS_KERNELS_LAYER_NORM_H_
#define KUMPAS_KERNELS_LAYER_NORM_H_

#include <cmath>
#include <cstdint>

#include "numbers.h"

namespace kumpas {

template <typename T>
void LayerNormRows(const float* x, const float* gamma, const float* beta, int64_t rows, int64_t width, T* y, float* mean, float* inverse) {
  const int64_t whole = width / kParts * kParts;
  for (int64_t row = 0; row < rows; row++, x += width, y += width) {
    float sums[kParts] = {};
    for (int64_t at = 0; at < whole; at += kParts)
      for (int part = 0; part < kParts; part++) sums[part] += x[at + part];
    float sum = Total(sums);
    for (int64_t at = whole; at < width; at++) sum += x[at];
    const float m = sum / static_cast<float>(width);
    float squares[kParts] = {};
    for (int64_t at = 0; at < whole; at += kParts)
      for (int part = 0; part < kParts; part++) squares[part] += (x[at + part] - m) * (x[at + part] - m);
    float square = Total(squares);
    for (int64_t at = whole; at < width; at++) square += (x[at] - m) * (x[at] - m);
    const float i = 1.0f / std::sqrt(square / static_cast<float>(width) + 1e-6f);
    for (int64_t at = 0; at < width; at++) Store(y + at, (x[at] - m) * i * gamma[at] + beta[at]);
    mean[row] = m;
    inverse[row] = i;
  }
}

template <typename T>
void LayerNormGradRows(const T* dy, const float* x, const float* mean, const float* inverse, const float* gamma, int64_t rows, int64_t width, float* dx,
                               float* dgamma, float* dbeta) {
  const int64_t whole = width / kParts * kParts;
  for (int64_t row = 0; row < rows; row++, dy += width, x += width, dx += width) {
    const float m = mean[row], i = inverse[row];
    float sums[kParts] = {}, along[kParts] = {};
    for (int64_t at = 0; at < whole; at += kParts) {
      for (int part = 0; part < kParts; part++) {
        const float g = Load(dy + at + part) * gamma[at + part];
        sums[part] += g;
        along[part] += g * (x[at + part] - m);
      }
    }
    float sum = Total(sums), sum_along = Total(along);
    for (int64_t at = whole; at < width; at++) {
      const float g = Load(dy + at) * gamma[at];
      sum += g;
      sum_along += g * (x[at] - m);
    }
    const float level = sum / static_cast<float>(width);
    const float slope = sum_along * i * i / static_cast<float>(width);
    for (int64_t at = 0; at < width; at++) {
      const float d = Load(dy + at), centred = x[at] - m;
      dx[at] = i * (d * gamma[at] - level - centred * slope);
      dgamma[at] += d * centred * i;
      dbeta[at] += d;
    }
  }
}

}  // namespace kumpas

#endif
