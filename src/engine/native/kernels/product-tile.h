// Tiles of matrix products: what products of matrices are made of.
#ifndef KUMPAS_KERNELS_PRODUCT_TILE_H_
#define KUMPAS_KERNELS_PRODUCT_TILE_H_

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace kumpas {

// A processor's vector of floats, and as many rows of a tile as its registers hold beside what is multiplied.
#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kTileRows = 12;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kTileRows = 6;
#else
constexpr int kLanes = 4;
constexpr int kTileRows = 6;
#endif
constexpr int kTileColumns = 2 * kLanes;

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

// A matrix by its steps: the value in `row` and `column` lies at from[row * row_step + column * column_step].
struct Matrix {
  const float* from;
  int64_t row_step;
  int64_t column_step;
};

// How the second matrix of a product lies in memory beforehand: panels of kTileColumns columns, each row after row, zeros where columns end.
inline int64_t PackedSize(int64_t depth, int64_t columns) { return (columns + kTileColumns - 1) / kTileColumns * kTileColumns * depth; }

// So many steps of a product's depth are a loop whose length is known. Fewer instructions a multiplication count where a core's other thread is at work too.
constexpr int kUnrolled = 16;

// What products begin with where nothing is there yet.
alignas(64) constexpr float kZeros[kTileColumns] = {};

// What is done to the values of a tile before they are stored: nothing, a relu that hands NaN on, or a matrix that is added.
enum class TileEnd { kNone, kRelu, kAdded };

// result = end(a * panel + start), for kRows rows; `panel` as packed. `start`: of each column; null to add to what is in the result.
template <int kRows, bool kAdd, TileEnd kEnd>
inline void Tile(const Matrix& a, const float* panel, int64_t depth, float* result, int64_t result_step, int64_t columns, const float* start,
                 const float* added, int64_t added_step) {
  Lanes left[kRows], right[kRows];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; row++) {
    left[row] = kAdd ? Lanes{} : *reinterpret_cast<const Lanes*>(start);
    right[row] = kAdd ? Lanes{} : *reinterpret_cast<const Lanes*>(start + kLanes);
    __builtin_prefetch(result + row * result_step, 1);
  }
  const float* at = a.from;
  const int64_t row_step = a.row_step;
  for (int64_t from = 0; from < depth; from += kUnrolled) {
    const auto multiply = [&] {
      const Lanes first = *reinterpret_cast<const Lanes*>(panel), second = *reinterpret_cast<const Lanes*>(panel + kLanes);
#pragma GCC unroll 16
      for (int row = 0; row < kRows; row++) {
        const float value = at[row * row_step];
        left[row] += value * first;
        right[row] += value * second;
      }
      at += a.column_step;
      panel += kTileColumns;
    };
    if (depth - from >= kUnrolled) {
#pragma GCC unroll 4
      for (int k = 0; k < kUnrolled; k++) multiply();
    } else {
      for (int64_t k = from; k < depth; k++) multiply();
    }
  }
  if (columns == kTileColumns) {
#pragma GCC unroll 16
    for (int row = 0; row < kRows; row++) {
      Lanes* to = reinterpret_cast<Lanes*>(result + row * result_step);
      for (int half = 0; half < 2; half++) {
        Lanes values = half == 0 ? left[row] : right[row];
        if constexpr (kAdd) values += to[half];
        if constexpr (kEnd == TileEnd::kRelu) values = values < 0 ? Lanes{} : values;
        if constexpr (kEnd == TileEnd::kAdded) values += reinterpret_cast<const Lanes*>(added + row * added_step)[half];
        to[half] = values;
      }
    }
    return;
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; row++) {
    const Lanes pair[2] = {left[row], right[row]};
    const float* values = reinterpret_cast<const float*>(pair);
    float* to = result + row * result_step;
    for (int64_t column = 0; column < columns; column++) {
      float value = kAdd ? to[column] + values[column] : values[column];
      if constexpr (kEnd == TileEnd::kRelu) value = value < 0 ? 0.0f : value;
      if constexpr (kEnd == TileEnd::kAdded) value += added[row * added_step + column];
      to[column] = value;
    }
  }
}

template <TileEnd kEnd = TileEnd::kNone, int kRows = kTileRows>
inline void TileOf(int64_t rows, const Matrix& a, const float* panel, int64_t depth, float* result, int64_t result_step, int64_t columns,
                   const float* start, const float* added = nullptr, int64_t added_step = 0) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return TileOf<kEnd, kRows - 1>(rows, a, panel, depth, result, result_step, columns, start, added, added_step);
  }
  if (start == nullptr) {
    Tile<kRows, true, kEnd>(a, panel, depth, result, result_step, columns, start, added, added_step);
  } else {
    Tile<kRows, false, kEnd>(a, panel, depth, result, result_step, columns, start, added, added_step);
  }
}

// Packs b, `depth` rows of `columns`, as panels.
inline void PackPanels(const Matrix& b, int64_t depth, int64_t columns, float* panels) {
  for (int64_t column = 0; column < columns; column += kTileColumns, panels += depth * kTileColumns) {
    const int64_t count = std::min<int64_t>(kTileColumns, columns - column);
    const float* from = b.from + column * b.column_step;
    if (count < kTileColumns) {
      for (int64_t k = 0; k < depth; k++)
        for (int64_t at = 0; at < kTileColumns; at++)
          panels[k * kTileColumns + at] = at < count ? from[k * b.row_step + at * b.column_step] : 0.0f;
    } else if (b.column_step == 1) {
      for (int64_t k = 0; k < depth; k++) std::memcpy(panels + k * kTileColumns, from + k * b.row_step, kTileColumns * sizeof(float));
    } else {
      // Column by column would write far apart, row by row read so: by small squares.
      int64_t k = 0;
      for (; k + 8 <= depth; k += 8)
        for (int64_t at = 0; at < kTileColumns; at++)
          for (int64_t then = 0; then < 8; then++)
            panels[(k + then) * kTileColumns + at] = from[(k + then) * b.row_step + at * b.column_step];
      for (; k < depth; k++)
        for (int64_t at = 0; at < kTileColumns; at++) panels[k * kTileColumns + at] = from[k * b.row_step + at * b.column_step];
    }
  }
}

// Whether a product adds to what is there.
enum class Into { kNew, kSum };

// result (+)= a * b, where b comes packed, its panels `panel_step` values apart.
inline void Product(const Matrix& a, const float* panels, int64_t panel_step, int64_t rows, int64_t depth, int64_t columns, float* result,
                    int64_t result_step, Into into) {
  const float* start = into == Into::kNew ? kZeros : nullptr;
  for (int64_t column = 0; column < columns; column += kTileColumns, panels += panel_step) {
    const int64_t count = std::min<int64_t>(kTileColumns, columns - column);
    for (int64_t row = 0; row < rows; row += kTileRows) {
      TileOf(rows - row, {a.from + row * a.row_step, a.row_step, a.column_step}, panels, depth, result + row * result_step + column, result_step, count, start);
    }
  }
}

}  // namespace kumpas

#endif
