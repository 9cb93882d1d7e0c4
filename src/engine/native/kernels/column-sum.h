// Sums over rows: the gradients of biases.
#ifndef KUMPAS_KERNELS_COLUMN_SUM_H_
#define KUMPAS_KERNELS_COLUMN_SUM_H_

#include <cstdint>

#include "numbers.h"

namespace kumpas {

// Adds the rows of x to sums.
template <typename T>
void AddRows(const T* x, int64_t rows, int64_t width, float* sums) {
  for (int64_t row = 0; row < rows; row++, x += width)
    for (int64_t at = 0; at < width; at++) sums[at] += Load(x + at);
}

}  // namespace kumpas

#endif
