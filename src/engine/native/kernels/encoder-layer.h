// A pre-norm encoder layer without dropout, one clip at a time: x + output(attention(norm(x))), then that + second(relu(first(norm(that)))). What lies between its parts is a clip's, and
// stays in the second-level cache of the processor that computes it.
#ifndef KUMPAS_KERNELS_ENCODER_LAYER_H_
#define KUMPAS_KERNELS_ENCODER_LAYER_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "attention.h"
#include "linear.h"

namespace kumpas {

struct EncoderLayer {
  int64_t heads;
  RowNorm attention_norm, forward_norm;
  LinearLayer projections, output, first, second;
};

// A thread's own room.
struct EncoderRoom {
  Workspace heads;
  LinearRoom linear;
  std::vector<float> x, normed, projected, mixed, attended, inner, sums;
};

// The same rows, numbered from 0 in the order in which they ask.
inline ClipRows NumberedFromZero(const ClipRows& clip, bool all_ask) {
  ClipRows rows = clip;
  for (size_t place = 0; place < rows.query_rows.size(); place++) rows.query_rows[place] = static_cast<int64_t>(place);
  for (size_t place = 0; place < rows.key_rows.size(); place++) rows.key_rows[place] = all_ask ? rows.keys[place] : static_cast<int64_t>(place);
  return rows;
}

inline float* Sized(std::vector<float>& memory, int64_t size) {
  if (static_cast<int64_t>(memory.size()) < size) memory.resize(size);
  return memory.data();
}

// The rows of a clip after attention, `[rows, width]` in the thread's room.
inline const float* AttendedRows(const EncoderLayer& layer, const float* x, const ClipRows& clip, bool all_ask, int64_t frames, EncoderRoom* room) {
  const ClipRows own = NumberedFromZero(clip, all_ask);
  const int64_t width = layer.output.inputs, rows = static_cast<int64_t>(own.queries.size());
  float* given = Sized(room->x, rows * width);
  for (int64_t row = 0; row < rows; row++) std::copy_n(x + clip.query_rows[row] * width, width, given + row * width);
  float *normed = Sized(room->normed, rows * width), *statistics = Sized(room->sums, std::max(2 * rows, frames));
  LayerNormRows(given, layer.attention_norm.gamma, layer.attention_norm.beta, rows, width, normed, statistics, statistics + rows);
  float* projected = Sized(room->projected, rows * 3 * width);
  LinearOfRows<TileEnd::kNone>(normed, width, rows, layer.projections, nullptr, 0, projected, 3 * width);
  float* mixed = Sized(room->mixed, rows * width);
  const int64_t head_width = width / layer.heads;
  for (int64_t head = 0; head < layer.heads; head++) {
    AttendHead(Head(own, head_width), projected + head * head_width, width, frames, Draw{}, 0, room->heads, mixed + head * head_width, statistics);
  }
  float* attended = Sized(room->attended, rows * width);
  LinearOfRows<TileEnd::kAdded>(mixed, width, rows, layer.output, given, width, attended, width);
  return attended;
}

// Rows that go through the feed-forward part together: what they are raised to stays in the cache beside the weights that they meet.
constexpr int64_t kForwardRows = 64;

// The same for a clip, divided evenly into whole tiles.
inline int64_t RowsAtOnce(int64_t rows) {
  const int64_t rounds = std::max<int64_t>(1, (rows + kForwardRows - 1) / kForwardRows);
  return RoundUp((rows + rounds - 1) / rounds, kTileRows);
}

// relu(first(norm(attended))) of some rows, `inner_step` values apart in the thread's room.
inline float* InnerRows(const EncoderLayer& layer, const float* attended, int64_t rows, int64_t inner_step, EncoderRoom* room) {
  const int64_t width = layer.first.inputs;
  float *normed = Sized(room->normed, rows * width), *statistics = Sized(room->sums, 2 * rows), *inner = Sized(room->inner, rows * inner_step);
  LayerNormRows(attended, layer.forward_norm.gamma, layer.forward_norm.beta, rows, width, normed, statistics, statistics + rows);
  LinearOfRows<TileEnd::kRelu>(normed, width, rows, layer.first, nullptr, 0, inner, inner_step);
  return inner;
}

// The layer's rows of a clip; `y` is all clips'.
inline void EncodeClip(const EncoderLayer& layer, const float* x, const ClipRows& clip, bool all_ask, int64_t frames, EncoderRoom* room, float* y) {
  const float* attended = AttendedRows(layer, x, clip, all_ask, frames, room);
  const int64_t width = layer.output.inputs, rows = static_cast<int64_t>(clip.queries.size()), step = layer.first.outputs + kRowGap;
  const int64_t at_once = RowsAtOnce(rows);
  for (int64_t from = 0; from < rows; from += at_once) {
    const int64_t count = std::min(at_once, rows - from);
    const float* inner = InnerRows(layer, attended + from * width, count, step, room);
    float* result = Sized(room->mixed, count * width);
    LinearOfRows<TileEnd::kAdded>(inner, step, count, layer.second, attended + from * width, width, result, width);
    for (int64_t row = 0; row < count; row++) std::copy_n(result + row * width, width, y + clip.query_rows[from + row] * width);
  }
}

// sums += share * row
inline void AddRow(const float* row, float share, int64_t width, float* sums) {
  for (int64_t at = 0; at < width; at++) sums[at] += share * row[at];
}

// Of the layer's rows of a clip the sum, each times its frame's share. The second linear layer is left for the sums of what goes into it, which are fewer: `inner` and `outer` are what it
// takes and what is added behind it, its bias left out.
inline void EncodeClipSum(const EncoderLayer& layer, const float* x, const ClipRows& clip, bool all_ask, int64_t frames, const float* shares, EncoderRoom* room,
                          float* inner, float* outer) {
  const float* attended = AttendedRows(layer, x, clip, all_ask, frames, room);
  const int64_t width = layer.output.inputs, rows = static_cast<int64_t>(clip.queries.size()), step = layer.first.outputs + kRowGap;
  std::fill_n(inner, layer.first.outputs, 0.0f);
  std::fill_n(outer, width, 0.0f);
  const int64_t at_once = RowsAtOnce(rows);
  for (int64_t from = 0; from < rows; from += at_once) {
    const int64_t count = std::min(at_once, rows - from);
    const float* raised = InnerRows(layer, attended + from * width, count, step, room);
    for (int64_t row = 0; row < count; row++) {
      const float share = shares[clip.queries[from + row]];
      AddRow(raised + row * step, share, layer.first.outputs, inner);
      AddRow(attended + (from + row) * width, share, width, outer);
    }
  }
}

}  // namespace kumpas

#endif
