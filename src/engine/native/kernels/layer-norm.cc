#include "layer-norm.h"

#include "operations.h"
#include "worker-threads.h"

namespace kumpas {
namespace {

template <typename T>
void LayerNorm(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor *x = call.Input(0), *gamma = call.Input(1), *beta = call.Input(2);
  if (!call.Fine()) return;
  const int64_t width = WidthOf(x);
  if (SizeOf(gamma) != width || SizeOf(beta) != width) return call.Refuse("gamma and beta: expected as many values as x has columns");
  std::vector<int64_t> shape = ShapeOf(x), rows_shape = shape;
  rows_shape.pop_back();
  TF_Tensor *y = call.Output(0, TypeOf<T>::value, shape), *mean = call.Output(1, TF_FLOAT, rows_shape), *inverse = call.Output(2, TF_FLOAT, rows_shape);
  if (!call.Fine() || width == 0) return;
  InParts(SizeOf(x) / width, 1, kWorthAThread / width, [&](int, int64_t from, int64_t to) {
    LayerNormRows(Values<float>(x) + from * width, Values<float>(gamma), Values<float>(beta), to - from, width, Values<T>(y) + from * width,
                  Values<float>(mean) + from, Values<float>(inverse) + from);
  });
}

template <typename T>
void LayerNormGrad(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor *dy = call.Input(0), *x = call.Input(1), *mean = call.Input(2), *inverse = call.Input(3), *gamma = call.Input(4);
  if (!call.Fine()) return;
  const int64_t width = WidthOf(x);
  if (SizeOf(dy) != SizeOf(x) || SizeOf(gamma) != width || SizeOf(mean) * width != SizeOf(x) || SizeOf(inverse) != SizeOf(mean)) {
    return call.Refuse("the shapes of dy, x, mean, inverse and gamma do not fit each other");
  }
  TF_Tensor *dx = call.Output(0, TF_FLOAT, ShapeOf(x)), *dgamma = call.Output(1, TF_FLOAT, {width}), *dbeta = call.Output(2, TF_FLOAT, {width});
  if (!call.Fine() || width == 0) return;
  // Each part sums for itself; the parts are added in their order, whoever was done first.
  std::vector<float> sums(kMostParts * 2 * width, 0.0f);
  InParts(SizeOf(x) / width, 1, kWorthAThread / width, [&](int part, int64_t from, int64_t to) {
    float* own = sums.data() + part * 2 * width;
    LayerNormGradRows(Values<T>(dy) + from * width, Values<float>(x) + from * width, Values<float>(mean) + from, Values<float>(inverse) + from,
                      Values<float>(gamma), to - from, width, Values<float>(dx) + from * width, own, own + width);
  });
  for (int64_t at = 0; at < width; at++) {
    float for_gamma = 0, for_beta = 0;
    for (int part = 0; part < kMostParts; part++) {
      for_gamma += sums[part * 2 * width + at];
      for_beta += sums[part * 2 * width + width + at];
    }
    Values<float>(dgamma)[at] = for_gamma;
    Values<float>(dbeta)[at] = for_beta;
  }
}

void LayerNormShapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  CopyShape(context, 0, 0, status);
  CopyShape(context, 1, 0, status, true);
  CopyShape(context, 2, 0, status, true);
}

void LayerNormGradShapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  CopyShape(context, 0, 1, status);
  CopyShape(context, 1, 4, status);
  CopyShape(context, 2, 4, status);
}

}  // namespace

bool RegisterLayerNorm() {
  return Define({"KumpasLayerNorm",
                 {"T: {float, bfloat16}"},
                 {"x: float", "gamma: float", "beta: float"},
                 {"y: T", "mean: float", "inverse: float"},
                 LayerNormShapes}) &&
         Define({"KumpasLayerNormGrad",
                 {"T: {float, bfloat16}"},
                 {"dy: T", "x: float", "mean: float", "inverse: float", "gamma: float"},
                 {"dx: float", "dgamma: float", "dbeta: float"},
                 LayerNormGradShapes}) &&
         AddKernel("KumpasLayerNorm", TF_FLOAT, nullptr, LayerNorm<float>, nullptr) &&
         AddKernel("KumpasLayerNorm", TF_BFLOAT16, nullptr, LayerNorm<BFloat16>, nullptr) &&
         AddKernel("KumpasLayerNormGrad", TF_FLOAT, nullptr, LayerNormGrad<float>, nullptr) &&
         AddKernel("KumpasLayerNormGrad", TF_BFLOAT16, nullptr, LayerNormGrad<BFloat16>, nullptr);
}

}  // namespace kumpas
