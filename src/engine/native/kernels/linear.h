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
// So many values of a row are multiplied before the next: the columns that they meet then stay in a near cache.
constexpr int64_t kLinearDepth = 1024;
// Rows of a power of two would all lie in the same places of the cache.
constexpr int64_t kRowGap = 16;

// A linear layer, its weights as PackPanels leaves them, its bias with zeros up to a whole tile.
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

// result = end(x * weights + bias), rows of x `x_step` values apart; what is added lies as the result does, `added_step` apart.
template <TileEnd kEnd>
inline void LinearOfRows(const float* x, int64_t x_step, int64_t rows, const LinearLayer& layer, const float* added, int64_t added_step, float* result,
                         int64_t result_step) {
  const int64_t inputs = layer.inputs, outputs = layer.outputs;
  for (int64_t from = 0; from < inputs; from += kLinearDepth) {
    const int64_t depth = std::min(kLinearDepth, inputs - from);
    const bool last = from + depth == inputs;
    for (int64_t column = 0; column < outputs; column += kTileColumns) {
      const float* panel = layer.panels + column * inputs + from * kTileColumns;
      const float* start = from == 0 ? layer.bias + column : nullptr;
      const int64_t columns = std::min<int64_t>(kTileColumns, outputs - column);
      for (int64_t row = 0; row < rows; row += kTileRows) {
        const Matrix a = {x + row * x_step + from, x_step, 1};
        float* to = result + row * result_step + column;
        if (last) {
          const float* more = kEnd == TileEnd::kAdded ? added + row * added_step + column : nullptr;
          TileOf<kEnd>(rows - row, a, panel, depth, to, result_step, columns, start, more, added_step);
        } else {
          TileOf(rows - row, a, panel, depth, to, result_step, columns, start);
        }
      }
    }
  }
}

inline void LinearOfRows(const float* x, int64_t x_step, int64_t rows, const LinearLayer& layer, const LinearEnd& end, float* result,
                         int64_t result_step) {
  if (end.relu) return LinearOfRows<TileEnd::kRelu>(x, x_step, rows, layer, nullptr, 0, result, result_step);
  if (end.added == nullptr) return LinearOfRows<TileEnd::kNone>(x, x_step, rows, layer, nullptr, 0, result, result_step);
  LinearOfRows<TileEnd::kAdded>(x, x_step, rows, layer, end.added, layer.outputs, result, result_step);
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
