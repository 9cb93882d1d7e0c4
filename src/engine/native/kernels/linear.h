// Linear layers for a few rows at a time, with what comes before and behind them while the rows are in the processor's cache.
#ifndef KUMPAS_KERNELS_LINEAR_H_
#define KUMPAS_KERNELS_LINEAR_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "layer-norm.h"
#include "product-tile.h"

namespace kumpas {

// Rows that go through the layers together: whole tiles, and little enough for them to stay in the cache.
constexpr int64_t kLinearRows = 48;
// So many values of a row are multiplied before the next: the columns that they meet then stay in the nearest cache.
constexpr int64_t kLinearDepth = 512;
// Rows of a power of two would all lie in the same places of the cache.
constexpr int64_t kRowGap = 16;

// A linear layer, its weights as PackPanels leaves them.
struct LinearLayer {
  int64_t inputs;
  int64_t outputs;
  const float* panels;
  const float* bias;
};

// What comes before: nothing where gamma is null.
struct RowNorm {
  const float* gamma;
  const float* beta;
};

// What comes behind: a relu that hands NaN on, and something that is added, as wide as the outputs.
struct LinearEnd {
  bool relu;
  const float* added;
};

// result = end(x * weights + bias)
inline void LinearOfRows(const float* x, int64_t x_step, int64_t rows, const LinearLayer& layer, const LinearEnd& end, float* result,
                         int64_t result_step) {
  const int64_t inputs = layer.inputs, outputs = layer.outputs;
  for (int64_t from = 0; from < inputs; from += kLinearDepth) {
    const int64_t depth = std::min(kLinearDepth, inputs - from);
    for (int64_t column = 0; column < outputs; column += kTileColumns) {
      const float* panel = layer.panels + column * inputs + from * kTileColumns;
      const int64_t columns = std::min<int64_t>(kTileColumns, outputs - column);
      for (int64_t row = 0; row < rows; row += kTileRows) {
        TileOf(rows - row, {x + row * x_step + from, x_step, 1}, panel, depth, result + row * result_step + column, result_step, columns,
               from == 0 ? kZeros : nullptr);
      }
    }
  }
  for (int64_t row = 0; row < rows; row++) {
    float* to = result + row * result_step;
    if (end.relu) {
      for (int64_t at = 0; at < outputs; at++) {
        const float value = to[at] + layer.bias[at];
        to[at] = value < 0 ? 0.0f : value;
      }
    } else if (end.added != nullptr) {
      const float* added = end.added + row * outputs;
      for (int64_t at = 0; at < outputs; at++) to[at] = to[at] + layer.bias[at] + added[at];
    } else {
      for (int64_t at = 0; at < outputs; at++) to[at] += layer.bias[at];
    }
  }
}

// A thread's own room.
struct LinearRoom {
  std::vector<float> normed;
  std::vector<float> inner;
  std::vector<float> statistics;
};

// The rows as the first layer takes them.
inline const float* NormedRows(const float* x, int64_t rows, int64_t width, const RowNorm& norm, LinearRoom* room) {
  if (norm.gamma == nullptr) return x;
  room->normed.resize(kLinearRows * width);
  room->statistics.resize(2 * kLinearRows);
  LayerNormRows(x, norm.gamma, norm.beta, rows, width, room->normed.data(), room->statistics.data(), room->statistics.data() + kLinearRows);
  return room->normed.data();
}

// y = end(norm(x) * weights + bias)
inline void NormedLinearRows(const float* x, int64_t rows, const RowNorm& norm, const LinearLayer& layer, const LinearEnd& end, LinearRoom* room,
                             float* y) {
  LinearOfRows(NormedRows(x, rows, layer.inputs, norm, room), layer.inputs, rows, layer, end, y, layer.outputs);
}

// y = end(relu(norm(x) * first + bias) * second + bias)
inline void FeedForwardRows(const float* x, int64_t rows, const RowNorm& norm, const LinearLayer& first, const LinearLayer& second,
                            const LinearEnd& end, LinearRoom* room, float* y) {
  const int64_t step = first.outputs + kRowGap;
  room->inner.resize(kLinearRows * step);
  LinearOfRows(NormedRows(x, rows, first.inputs, norm, room), first.inputs, rows, first, {true, nullptr}, room->inner.data(), step);
  LinearOfRows(room->inner.data(), step, rows, second, end, y, second.outputs);
}

}  // namespace kumpas

#endif
