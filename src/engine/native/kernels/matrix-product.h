// The product of two large matrices, blocked for the processor's caches.
#ifndef KUMPAS_KERNELS_MATRIX_PRODUCT_H_
#define KUMPAS_KERNELS_MATRIX_PRODUCT_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "product-tile.h"
#include "worker-threads.h"

namespace kumpas {

// Columns of the first matrix that are multiplied at once: a panel of the second is then as large as a first-level cache. Rows that a thread takes at once:
// with them, a part of a second-level cache.
constexpr int64_t kDepthAtOnce = 512;
constexpr int64_t kRowsAtOnce = 48;

// Packs `rows` rows of a whose values lie side by side along its columns, up to a depth: tile after tile, each value by value of the depth.
inline void PackTiles(const Matrix& a, int64_t rows, int64_t depth, float* tiles) {
  const int64_t whole = rows / kTileRows * kTileRows;
  for (int64_t k = 0; k < depth; k++) {
    const float* from = a.from + k * a.column_step;
    for (int64_t row = 0; row < whole; row += kTileRows) std::memcpy(tiles + row * depth + k * kTileRows, from + row, kTileRows * sizeof(float));
    for (int64_t row = whole; row < rows; row++) tiles[whole * depth + k * kTileRows + row - whole] = from[row];
  }
}

// result = a * b + bias, for a of [rows, depth] and b of [depth, columns]; bias may be null. What is added to what does not depend on the number of threads.
inline void MultiplyMatrices(const Matrix& a, const Matrix& b, int64_t rows, int64_t depth, int64_t columns, const float* bias, float* result) {
  static thread_local std::vector<float> panel_memory;
  const int64_t panels = (columns + kTileColumns - 1) / kTileColumns;
  const int64_t rounds = std::max<int64_t>(1, (depth + kDepthAtOnce - 1) / kDepthAtOnce), most = (depth + rounds - 1) / rounds;
  const int64_t padded = panels * kTileColumns;
  panel_memory.resize(std::max<size_t>(panel_memory.size(), padded * (most + 1)));
  float *packed = panel_memory.data(), *padded_bias = packed + padded * most;
  for (int64_t column = 0; column < padded; column++) padded_bias[column] = bias != nullptr && column < columns ? bias[column] : 0.0f;
  for (int64_t round = 0; round < rounds; round++) {
    const int64_t from = round * most, count = std::min(most, depth - from);
    InParts(panels, 1, 8, [&](int, int64_t first, int64_t last) {
      const Matrix part = {b.from + from * b.row_step + first * kTileColumns * b.column_step, b.row_step, b.column_step};
      PackPanels(part, count, std::min(columns, last * kTileColumns) - first * kTileColumns, packed + first * kTileColumns * count);
    });
    const int64_t block_rows = rows < 16 * kRowsAtOnce ? kRowsAtOnce / 2 : kRowsAtOnce;
    WorkerThreads::Get().Run(static_cast<int>((rows + block_rows - 1) / block_rows), [&](int block) {
      const int64_t row = block * block_rows, height = std::min(block_rows, rows - row);
      const Matrix part = {a.from + row * a.row_step + from * a.column_step, a.row_step, a.column_step};
      // Values of a tile that lie far apart are brought together; rows that are read along their length are taken as they are.
      static thread_local std::vector<float> tiles;
      const bool pack = a.column_step != 1;
      if (pack) {
        tiles.resize(std::max<size_t>(tiles.size(), kRowsAtOnce * kDepthAtOnce));
        PackTiles(part, height, count, tiles.data());
      }
      for (int64_t panel = 0; panel < panels; panel++) {
        const int64_t column = panel * kTileColumns;
        for (int64_t at = 0; at < height; at += kTileRows) {
          const Matrix tile = pack ? Matrix{tiles.data() + at * count, 1, kTileRows} : Matrix{part.from + at * part.row_step, part.row_step, 1};
          TileOf(height - at, tile, packed + column * count, count, result + (row + at) * columns + column, columns,
                 std::min<int64_t>(kTileColumns, columns - column), from == 0 ? padded_bias + column : nullptr);
        }
      }
    });
  }
}

}  // namespace kumpas

#endif
