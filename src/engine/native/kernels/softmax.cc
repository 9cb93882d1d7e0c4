#include "softmax.h"

#include "operations.h"
#include "worker-threads.h"

namespace kumpas {
namespace {

// Room for the bytes of one row, and for the blocks at its ends.
std::vector<float> Scratch(int64_t width) { return std::vector<float>(static_cast<size_t>(width + 2 * kBlock)); }

template <typename T>
void Softmax(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  const auto& attributes = *static_cast<DrawAttributes*>(kernel);
  TF_Tensor *scores = call.Input(0), *bias = call.Input(1), *seed = call.Input(2);
  if (!call.Fine()) return;
  const int64_t width = WidthOf(scores), rows = width == 0 ? 0 : SizeOf(scores) / width, biases = width == 0 ? 0 : SizeOf(bias) / width;
  if (SizeOf(seed) != 2 || WidthOf(bias) != width || (rows > 0 && (biases == 0 || rows % biases != 0))) {
    return call.Refuse("the shapes of scores, bias and seed do not fit each other");
  }
  const Draw draw = DrawOf(Values<int32_t>(seed), attributes.place, attributes.threshold);
  TF_Tensor *weights = call.Output(0, TF_FLOAT, ShapeOf(scores)), *kept = call.Output(1, TypeOf<T>::value, ShapeOf(scores));
  if (!call.Fine() || rows == 0) return;
  InParts(rows, 1, kWorthAThread / width, [&](int, int64_t from, int64_t to) {
    std::vector<float> scratch = Scratch(width);
    SoftmaxRows(Values<T>(scores), Values<float>(bias), rows / biases, draw, from, to, width, scratch.data(), Values<float>(weights), Values<T>(kept));
  });
}

template <typename T>
void SoftmaxGrad(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  const auto& attributes = *static_cast<DrawAttributes*>(kernel);
  TF_Tensor *dkept = call.Input(0), *weights = call.Input(1), *seed = call.Input(2);
  if (!call.Fine()) return;
  if (SizeOf(seed) != 2 || SizeOf(dkept) != SizeOf(weights)) return call.Refuse("the shapes of dkept, weights and seed do not fit each other");
  const int64_t width = WidthOf(weights), rows = width == 0 ? 0 : SizeOf(weights) / width;
  const Draw draw = DrawOf(Values<int32_t>(seed), attributes.place, attributes.threshold);
  TF_Tensor* dscores = call.Output(0, TypeOf<T>::value, ShapeOf(dkept));
  if (!call.Fine() || rows == 0) return;
  InParts(rows, 1, kWorthAThread / width, [&](int, int64_t from, int64_t to) {
    std::vector<float> scratch = Scratch(width);
    SoftmaxGradRows(Values<T>(dkept), Values<float>(weights), draw, from, to, width, scratch.data(), Values<T>(dscores));
  });
}

void SoftmaxShapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  CopyShape(context, 0, 0, status);
  CopyShape(context, 1, 0, status);
}

void SoftmaxGradShapes(TF_ShapeInferenceContext* context, TF_Status* status) { CopyShape(context, 0, 0, status); }

}  // namespace

bool RegisterSoftmax() {
  return Define({"KumpasSoftmax",
                 {"T: {float, bfloat16}", "place: int", "threshold: int"},
                 {"scores: T", "bias: float", "seed: int32"},
                 {"weights: float", "kept: T"},
                 SoftmaxShapes}) &&
         Define({"KumpasSoftmaxGrad",
                 {"T: {float, bfloat16}", "place: int", "threshold: int"},
                 {"dkept: T", "weights: float", "seed: int32"},
                 {"dscores: T"},
                 SoftmaxGradShapes}) &&
         AddKernel("KumpasSoftmax", TF_FLOAT, CreateDraw, Softmax<float>, DestroyDraw) &&
         AddKernel("KumpasSoftmax", TF_BFLOAT16, CreateDraw, Softmax<BFloat16>, DestroyDraw) &&
         AddKernel("KumpasSoftmaxGrad", TF_FLOAT, CreateDraw, SoftmaxGrad<float>, DestroyDraw) &&
         AddKernel("KumpasSoftmaxGrad", TF_BFLOAT16, CreateDraw, SoftmaxGrad<BFloat16>, DestroyDraw);
}

}  // namespace kumpas
