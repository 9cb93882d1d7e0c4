// What operations with linear layers take: weights that they pack first, and norms.
#ifndef KUMPAS_KERNELS_PACKED_LAYER_H_
#define KUMPAS_KERNELS_PACKED_LAYER_H_

#include <algorithm>
#include <vector>

#include "linear.h"
#include "operations.h"
#include "worker-threads.h"

namespace kumpas {

// Panels that one thread packs at a time.
constexpr int64_t kPanelsAtOnce = 8;

// A linear layer with memory of its own for its panels.
struct PackedLayer {
  LinearLayer layer;
  std::vector<float> memory;

  // Packs `weight`, `[outputs, inputs]`, and `bias`; false where they do not fit, which the call then tells.
  bool Pack(Call* call, TF_Tensor* weight, TF_Tensor* bias, int64_t inputs) {
    const int64_t outputs = SizeOf(bias);
    if (WidthOf(weight) != inputs || SizeOf(weight) != inputs * outputs) {
      call->Refuse("the shapes of x, weight and bias do not fit each other");
      return false;
    }
    const int64_t size = PackedSize(inputs, outputs), padded = PackedSize(1, outputs);
    memory.resize(std::max<size_t>(memory.size(), size + padded));
    float *panels = memory.data(), *own_bias = panels + size;
    layer = {inputs, outputs, panels, own_bias};
    std::copy_n(Values<float>(bias), outputs, own_bias);
    std::fill(own_bias + outputs, own_bias + padded, 0.0f);
    const float* from = Values<float>(weight);
    constexpr int64_t kColumns = kPanelsAtOnce * kTileColumns;
    WorkerThreads::Get().Run(static_cast<int>((outputs + kColumns - 1) / kColumns), [&](int part) {
      const int64_t column = part * kColumns;
      PackPanels({from + column * inputs, 1, inputs}, inputs, std::min(kColumns, outputs - column), panels + column * inputs);
    });
    return true;
  }
};

inline bool ReadNorm(Call* call, TF_Tensor* gamma, TF_Tensor* beta, int64_t width, RowNorm* norm) {
  *norm = {SizeOf(gamma) == 0 ? nullptr : Values<float>(gamma), Values<float>(beta)};
  if (norm->gamma == nullptr || (SizeOf(gamma) == width && SizeOf(beta) == width)) return true;
  call->Refuse("gamma and beta: expected as many values as x has columns");
  return false;
}

}  // namespace kumpas

#endif
