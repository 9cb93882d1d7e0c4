#include "dropout.h"

#include "operations.h"
#include "worker-threads.h"

namespace kumpas {
namespace {

// What a run draws, for `x` of `[..., width]`, from the seed and the positions of its rows that the operation is given; refuses those that do not fit.
struct Drawn {
  Draw draw;
  Places places;

  bool Read(Call* call, const DrawAttributes& attributes, const TF_Tensor* x, TF_Tensor* seed, TF_Tensor* positions) {
    const int64_t width = WidthOf(x), given = SizeOf(positions);
    if (SizeOf(seed) != 3) {
      call->Refuse("seed: expected three numbers");
      return false;
    }
    if (given != 0 && given * width != SizeOf(x)) {
      call->Refuse("positions: expected one for each row of x, or none");
      return false;
    }
    draw = DrawOf(Values<int32_t>(seed), attributes.place, attributes.threshold);
    places = {attributes.FirstPlace(Values<int32_t>(seed)), given == 0 ? nullptr : Values<int32_t>(positions), width};
    return true;
  }
};

template <typename T>
void Dropout(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  const auto& attributes = *static_cast<DrawAttributes*>(kernel);
  TF_Tensor *x = call.Input(0), *seed = call.Input(1), *positions = call.Input(2);
  Drawn of;
  if (!call.Fine() || !of.Read(&call, attributes, x, seed, positions)) return;
  TF_Tensor* y = call.Output(0, TypeOf<T>::value, ShapeOf(x));
  if (!call.Fine()) return;
  InParts(SizeOf(x), kBlock, kWorthAThread, [&](int, int64_t from, int64_t to) {
    DropoutRange<float, T, false>(Values<float>(x), nullptr, of.draw, of.places, attributes.Scale(), from, to, Values<T>(y));
  });
}

template <typename T>
void DropoutAdd(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  const auto& attributes = *static_cast<DrawAttributes*>(kernel);
  TF_Tensor *x = call.Input(0), *residual = call.Input(1), *seed = call.Input(2), *positions = call.Input(3);
  Drawn of;
  if (!call.Fine() || !of.Read(&call, attributes, x, seed, positions)) return;
  if (SizeOf(x) != SizeOf(residual)) return call.Refuse("x and residual: expected the same shape");
  TF_Tensor* y = call.Output(0, TF_FLOAT, ShapeOf(x));
  if (!call.Fine()) return;
  InParts(SizeOf(x), kBlock, kWorthAThread, [&](int, int64_t from, int64_t to) {
    DropoutRange<T, float, true>(Values<T>(x), Values<float>(residual), of.draw, of.places, attributes.Scale(), from, to, Values<float>(y));
  });
}

template <typename T>
void ReluDropout(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  const auto& attributes = *static_cast<DrawAttributes*>(kernel);
  TF_Tensor *x = call.Input(0), *seed = call.Input(1), *positions = call.Input(2);
  Drawn of;
  if (!call.Fine() || !of.Read(&call, attributes, x, seed, positions)) return;
  TF_Tensor* y = call.Output(0, TypeOf<T>::value, ShapeOf(x));
  if (!call.Fine()) return;
  InParts(SizeOf(x), kBlock, kWorthAThread,
          [&](int, int64_t from, int64_t to) { ReluDropoutRange(Values<T>(x), of.draw, of.places, from, to, Values<T>(y)); });
}

template <typename T>
void ReluGrad(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor *dy = call.Input(0), *y = call.Input(1);
  if (!call.Fine()) return;
  if (SizeOf(dy) != SizeOf(y)) return call.Refuse("dy and y: expected the same shape");
  TF_Tensor* dx = call.Output(0, TypeOf<T>::value, ShapeOf(dy));
  if (!call.Fine()) return;
  InParts(SizeOf(dy), kBlock, kWorthAThread, [&](int, int64_t from, int64_t to) { ReluGradRange(Values<T>(dy), Values<T>(y), from, to, Values<T>(dx)); });
}

void ShapeOfFirst(TF_ShapeInferenceContext* context, TF_Status* status) { CopyShape(context, 0, 0, status); }

}  // namespace

bool RegisterDropout() {
  return Define({"KumpasDropout",
                 {"T: {float, bfloat16}", "place: int", "threshold: int", "per_example: int"},
                 {"x: float", "seed: int32", "positions: int32"},
                 {"y: T"},
                 ShapeOfFirst}) &&
         Define({"KumpasDropoutAdd",
                 {"T: {float, bfloat16}", "place: int", "threshold: int", "per_example: int"},
                 {"x: T", "residual: float", "seed: int32", "positions: int32"},
                 {"y: float"},
                 ShapeOfFirst}) &&
         Define({"KumpasReluDropout",
                 {"T: {float, bfloat16}", "place: int", "threshold: int", "per_example: int"},
                 {"x: T", "seed: int32", "positions: int32"},
                 {"y: T"},
                 ShapeOfFirst}) &&
         Define({"KumpasReluGrad", {"T: {float, bfloat16}"}, {"dy: T", "y: T"}, {"dx: T"}, ShapeOfFirst}) &&
         AddKernel("KumpasReluGrad", TF_FLOAT, nullptr, ReluGrad<float>, nullptr) &&
         AddKernel("KumpasReluGrad", TF_BFLOAT16, nullptr, ReluGrad<BFloat16>, nullptr) &&
         AddKernel("KumpasDropout", TF_FLOAT, CreateDraw, Dropout<float>, DestroyDraw) &&
         AddKernel("KumpasDropout", TF_BFLOAT16, CreateDraw, Dropout<BFloat16>, DestroyDraw) &&
         AddKernel("KumpasDropoutAdd", TF_FLOAT, CreateDraw, DropoutAdd<float>, DestroyDraw) &&
         AddKernel("KumpasDropoutAdd", TF_BFLOAT16, CreateDraw, DropoutAdd<BFloat16>, DestroyDraw) &&
         AddKernel("KumpasReluDropout", TF_FLOAT, CreateDraw, ReluDropout<float>, DestroyDraw) &&
         AddKernel("KumpasReluDropout", TF_BFLOAT16, CreateDraw, ReluDropout<BFloat16>, DestroyDraw);
}

}  // namespace kumpas
