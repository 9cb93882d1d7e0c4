// Attention of one head of one clip, and its gradient: scores, bias, softmax, dropout and the product with the values, for a few queries at a time, so that no
// more of the scores than those of these queries is ever in memory (Dao et al. 2022, "FlashAttention").
#ifndef KUMPAS_KERNELS_ATTENTION_H_
#define KUMPAS_KERNELS_ATTENTION_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dropout-draw.h"
#include "numbers.h"
#include "product-tile.h"

namespace kumpas {

// What is attended to is left out, like its padding, where a bias as low as this makes its weight exactly 0.
constexpr float kLeftOut = -1e8f;

// A clip's positions that ask and that are asked, each by its place among the clip's frames, and the row of the projections that holds it.
struct ClipRows {
  std::vector<int32_t> queries, keys;
  std::vector<int64_t> query_rows, key_rows;
  std::vector<float> key_bias;
  std::vector<int64_t> left_rows;
  // 0 where all of a clip is padding: beside a bias so low float32 has no digits left for scores.
  float score_scale = 1.0f;
};

// `places` names the row of each position; null where every position has a row of its own. Then all of them ask, else those that are asked.
inline ClipRows RowsOfClip(const float* bias, const int32_t* places, int64_t clip, int64_t frames) {
  ClipRows rows;
  const float largest = *std::max_element(bias, bias + frames);
  const bool padding = largest <= kLeftOut;
  if (padding) rows.score_scale = 0.0f;
  for (int64_t frame = 0; frame < frames; frame++) {
    const int64_t row = places == nullptr ? clip * frames + frame : places[clip * frames + frame];
    const bool asked = padding ? places == nullptr : bias[frame] > kLeftOut;
    if (asked) {
      rows.keys.push_back(static_cast<int32_t>(frame));
      rows.key_rows.push_back(row);
      rows.key_bias.push_back(padding ? bias[frame] - largest : bias[frame]);
    } else if (places == nullptr) {
      rows.left_rows.push_back(row);
    }
    if (asked || places == nullptr) {
      rows.queries.push_back(static_cast<int32_t>(frame));
      rows.query_rows.push_back(row);
    }
  }
  return rows;
}

inline int64_t RoundUp(int64_t size, int64_t unit) { return (size + unit - 1) / unit * unit; }

// Memory for one head, kept by a thread from head to head.
class Workspace {
 public:
  void Start(int64_t size) {
    if (static_cast<int64_t>(memory_.size()) < size) memory_.resize(size);
    next_ = 0;
  }
  float* Take(int64_t size) {
    float* taken = memory_.data() + next_;
    next_ += size;
    return taken;
  }

 private:
  std::vector<float> memory_;
  int64_t next_ = 0;
};

// One head of one clip: sizes, and where its values lie.
struct Head {
  const ClipRows& rows;
  int64_t width;   // of the head
  int64_t padded;  // the same as whole tiles
  int64_t queries, keys;
  int64_t key_columns;  // the keys as whole tiles
  int64_t block;        // queries at a time

  Head(const ClipRows& clip, int64_t head_width)
      : rows(clip),
        width(head_width),
        padded(RoundUp(head_width, kTileColumns)),
        queries(static_cast<int64_t>(clip.queries.size())),
        keys(static_cast<int64_t>(clip.keys.size())),
        key_columns(RoundUp(keys, kTileColumns)),
        block(std::max<int64_t>(1, std::min<int64_t>(8, 8192 / std::max<int64_t>(1, key_columns) / kTileRows)) * kTileRows) {}
};

// The values of rows, from a column on, as float32 `[rows, width]`.
template <typename T>
void GatherRows(const T* values, int64_t step, const std::vector<int64_t>& rows, int64_t width, float* to) {
  for (const int64_t row : rows) {
    const T* from = values + row * step;
    for (int64_t at = 0; at < width; at++) to[at] = Load(from + at);
    to += width;
  }
}

template <typename T>
void StoreRows(const float* values, int64_t value_step, const int64_t* rows, int64_t count, int64_t width, T* to, int64_t step) {
  for (int64_t row = 0; row < count; row++, values += value_step)
    for (int64_t at = 0; at < width; at++) Store(to + rows[row] * step + at, values[at]);
}

// The bytes of a dropout of `[…, frames]` for the keys of a row that starts at `from`, as 0 and 1; `scratch` holds those of the whole row.
inline void KeptOfKeys(const Draw& draw, uint64_t from, int64_t frames, const ClipRows& rows, float* scratch, float* kept) {
  const uint64_t first = from / kBlock;
  for (uint64_t block = first; block * kBlock < from + static_cast<uint64_t>(frames); block++) Kept(draw, block, scratch + (block - first) * kBlock);
  const float* row = scratch + (from - first * kBlock);
  const int64_t keys = static_cast<int64_t>(rows.keys.size());
  if (keys == 0) return;
  if (rows.keys[keys - 1] == keys - 1) {
    std::memcpy(kept, row, keys * sizeof(float));
  } else {
    for (int64_t key = 0; key < keys; key++) kept[key] = row[rows.keys[key]];
  }
}

// The largest, and the sum of exp(scale * row + bias - largest), with those in the row; `columns` is a multiple of kParts.
inline float SoftmaxInPlace(float* row, float scale, const float* bias, int64_t columns, float* largest_found) {
  Lanes most = Lanes{} - INFINITY;
  for (int64_t at = 0; at < columns; at += kLanes) {
    const Lanes score = *reinterpret_cast<Lanes*>(row + at) * scale + *reinterpret_cast<const Lanes*>(bias + at);
    *reinterpret_cast<Lanes*>(row + at) = score;
    most = most < score ? score : most;
  }
  float largest = most[0];
  for (int lane = 1; lane < kLanes; lane++) largest = std::max(largest, most[lane]);
  float sums[kParts] = {};
  for (int64_t at = 0; at < columns; at += kParts) {
    for (int part = 0; part < kParts; part++) {
      row[at + part] = Exp(row[at + part] - largest);
      sums[part] += row[at + part];
    }
  }
  *largest_found = largest;
  return Total(sums);
}

// The keys' bias as whole tiles: what fills up weighs nothing.
inline void FillBias(const Head& head, float* bias) {
  for (int64_t key = 0; key < head.key_columns; key++) bias[key] = key < head.keys ? head.rows.key_bias[key] : -INFINITY;
}

// mixed = dropout(softmax(queries * keys + bias)) * values, and the logarithm of each query's sum of exponentials.
// `projected`, `mixed`: of this head's columns; `place`: of this head's first weight in `[batch, heads, frames, frames]`; `sums`: of this head, `[frames]`.
template <typename T>
void AttendHead(const Head& head, const T* projected, int64_t model_width, int64_t frames, const Draw& draw, uint64_t place, Workspace& workspace, T* mixed,
                float* sums) {
  const int64_t width = head.width, keys = head.keys, columns = head.key_columns;
  workspace.Start(head.queries * width + 2 * keys * width + columns * width + head.padded * keys + head.block * (columns + head.padded) + 2 * columns +
                  frames + 2 * kBlock);
  float *queries = workspace.Take(head.queries * width), *asked = workspace.Take(keys * width), *values = workspace.Take(keys * width);
  float *key_panels = workspace.Take(columns * width), *value_panels = workspace.Take(head.padded * keys);
  float *scores = workspace.Take(head.block * columns), *sum = workspace.Take(head.block * head.padded);
  float *bias = workspace.Take(columns), *kept = workspace.Take(columns), *bytes = workspace.Take(frames + 2 * kBlock);
  GatherRows(projected, 3 * model_width, head.rows.query_rows, width, queries);
  GatherRows(projected + model_width, 3 * model_width, head.rows.key_rows, width, asked);
  GatherRows(projected + 2 * model_width, 3 * model_width, head.rows.key_rows, width, values);
  PackPanels({asked, 1, width}, width, keys, key_panels);
  PackPanels({values, width, 1}, keys, width, value_panels);
  FillBias(head, bias);
  for (int64_t from = 0; from < head.queries; from += head.block) {
    const int64_t count = std::min(head.block, head.queries - from);
    Product({queries + from * width, width, 1}, key_panels, width * kTileColumns, count, width, columns, scores, columns, Into::kNew);
    for (int64_t row = 0; row < count; row++) {
      float* weights = scores + row * columns;
      const int64_t frame = head.rows.queries[from + row];
      float largest;
      const float total = SoftmaxInPlace(weights, head.rows.score_scale, bias, columns, &largest);
      sums[frame] = largest + std::log(total);
      const float share = 1.0f / total;
      if (draw.threshold == 0) {
        for (int64_t at = 0; at < columns; at++) weights[at] *= share;
      } else {
        KeptOfKeys(draw, place + frame * frames, frames, head.rows, bytes, kept);
        for (int64_t at = 0; at < keys; at++) weights[at] *= kept[at] * share;
      }
    }
    Product({scores, columns, 1}, value_panels, keys * kTileColumns, count, keys, head.padded, sum, head.padded, Into::kNew);
    StoreRows(sum, head.padded, head.rows.query_rows.data() + from, count, width, mixed, model_width);
  }
}

// The gradient of AttendHead for the projections, from that for what it mixed. The weights are computed again.
template <typename T>
void AttendHeadGrad(const Head& head, const T* dmixed, const T* projected, const float* sums, int64_t model_width, int64_t frames, const Draw& draw,
                    uint64_t place, Workspace& workspace, T* dprojected) {
  const int64_t width = head.width, padded = head.padded, keys = head.keys, asking = head.queries, columns = head.key_columns;
  workspace.Start(2 * asking * width + 2 * keys * width + 2 * columns * width + padded * keys + 2 * padded * asking + 2 * keys * padded +
                  head.block * (2 * columns + padded) + 2 * columns + frames + 2 * kBlock);
  float *queries = workspace.Take(asking * width), *dsum = workspace.Take(asking * width);
  float *asked = workspace.Take(keys * width), *values = workspace.Take(keys * width);
  float *key_panels = workspace.Take(columns * width), *value_panels = workspace.Take(columns * width), *asked_panels = workspace.Take(padded * keys);
  float *query_panels = workspace.Take(padded * asking), *dsum_panels = workspace.Take(padded * asking);
  float *dkeys = workspace.Take(keys * padded), *dvalues = workspace.Take(keys * padded);
  float *weights = workspace.Take(head.block * columns), *dweights = workspace.Take(head.block * columns), *dqueries = workspace.Take(head.block * padded);
  float *bias = workspace.Take(columns), *kept = workspace.Take(columns), *bytes = workspace.Take(frames + 2 * kBlock);
  GatherRows(projected, 3 * model_width, head.rows.query_rows, width, queries);
  GatherRows(projected + model_width, 3 * model_width, head.rows.key_rows, width, asked);
  GatherRows(projected + 2 * model_width, 3 * model_width, head.rows.key_rows, width, values);
  GatherRows(dmixed, model_width, head.rows.query_rows, width, dsum);
  PackPanels({asked, 1, width}, width, keys, key_panels);
  PackPanels({values, 1, width}, width, keys, value_panels);
  PackPanels({asked, width, 1}, keys, width, asked_panels);
  PackPanels({queries, width, 1}, asking, width, query_panels);
  PackPanels({dsum, width, 1}, asking, width, dsum_panels);
  FillBias(head, bias);
  std::fill_n(kept, columns, draw.threshold == 0 ? 1.0f : 0.0f);
  for (int64_t from = 0; from < asking; from += head.block) {
    const int64_t count = std::min(head.block, asking - from);
    Product({queries + from * width, width, 1}, key_panels, width * kTileColumns, count, width, columns, weights, columns, Into::kNew);
    Product({dsum + from * width, width, 1}, value_panels, width * kTileColumns, count, width, columns, dweights, columns, Into::kNew);
    for (int64_t row = 0; row < count; row++) {
      float *w = weights + row * columns, *d = dweights + row * columns;
      const int64_t frame = head.rows.queries[from + row];
      const float level = sums[frame], scale = head.rows.score_scale;
      if (draw.threshold != 0) KeptOfKeys(draw, place + frame * frames, frames, head.rows, bytes, kept);
      float parts[kParts] = {};
      for (int64_t at = 0; at < columns; at += kParts) {
        for (int part = 0; part < kParts; part++) {
          w[at + part] = Exp(w[at + part] * scale + bias[at + part] - level);
          d[at + part] *= kept[at + part];
          parts[part] += w[at + part] * d[at + part];
        }
      }
      const float along = Total(parts);
      for (int64_t at = 0; at < columns; at++) {
        d[at] = w[at] * (d[at] - along);
        w[at] *= kept[at];
      }
    }
    const Into into = from == 0 ? Into::kNew : Into::kSum;
    Product({weights, 1, columns}, dsum_panels + from * kTileColumns, asking * kTileColumns, keys, count, padded, dvalues, padded, into);
    Product({dweights, 1, columns}, query_panels + from * kTileColumns, asking * kTileColumns, keys, count, padded, dkeys, padded, into);
    Product({dweights, columns, 1}, asked_panels, keys * kTileColumns, count, keys, padded, dqueries, padded, Into::kNew);
    StoreRows(dqueries, padded, head.rows.query_rows.data() + from, count, width, dprojected, 3 * model_width);
  }
  StoreRows(dkeys, padded, head.rows.key_rows.data(), keys, width, dprojected + model_width, 3 * model_width);
  StoreRows(dvalues, padded, head.rows.key_rows.data(), keys, width, dprojected + 2 * model_width, 3 * model_width);
  for (const int64_t row : head.rows.left_rows) {
    std::fill_n(dprojected + row * 3 * model_width + model_width, width, T{});
    std::fill_n(dprojected + row * 3 * model_width + 2 * model_width, width, T{});
  }
}

}  // namespace kumpas

#endif
