#include "column-sum.h"

#include "operations.h"
#include "worker-threads.h"

namespace kumpas {
namespace {

template <typename T>
void ColumnSum(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor* x = call.Input(0);
  if (!call.Fine()) return;
  const int64_t width = WidthOf(x);
  TF_Tensor* sum = call.Output(0, TF_FLOAT, {width});
  if (!call.Fine() || width == 0) return;
  // Each part sums for itself; the parts are added in their order, whoever was done first.
  std::vector<float> sums(kMostParts * width, 0.0f);
  InParts(SizeOf(x) / width, 1, kWorthAThread / width,
          [&](int part, int64_t from, int64_t to) { AddRows(Values<T>(x) + from * width, to - from, width, sums.data() + part * width); });
  std::fill_n(Values<float>(sum), width, 0.0f);
  AddRows(sums.data(), kMostParts, width, Values<float>(sum));
}

// The vector of the last axis.
void ColumnSumShapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeHandle* shape = TF_NewShapeHandle();
  TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSubshape(context, shape, -1, 1000, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
  TF_DeleteShapeHandle(shape);
}

}  // namespace

bool RegisterColumnSum() {
  return Define({"KumpasColumnSum", {"T: {float, bfloat16}"}, {"x: T"}, {"sum: float"}, ColumnSumShapes}) &&
         AddKernel("KumpasColumnSum", TF_FLOAT, nullptr, ColumnSum<float>, nullptr) &&
         AddKernel("KumpasColumnSum", TF_BFLOAT16, nullptr, ColumnSum<BFloat16>, nullptr);
}

}  // namespace kumpas
