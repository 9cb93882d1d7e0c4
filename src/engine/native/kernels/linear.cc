#include "linear.h"

#include "packed-layer.h"

namespace kumpas {
namespace {

void* CreateRelu(TF_OpKernelConstruction* construction) {
  auto* relu = new int32_t(0);
  TF_Status* status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrInt32(construction, "relu", relu, status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return relu;
}

void DestroyRelu(void* relu) { delete static_cast<int32_t*>(relu); }

// What is added, as large as the output; nullptr where it has no values.
bool ReadAdded(Call* call, TF_Tensor* given, int64_t size, const float** added) {
  *added = SizeOf(given) == 0 ? nullptr : Values<float>(given);
  if (*added == nullptr || SizeOf(given) == size) return true;
  call->Refuse("added: expected the shape of the output");
  return false;
}

// Runs work(from, rows, room) for all rows, on all threads.
template <typename Work>
void EachRows(int64_t rows, const Work& work) {
  WorkerThreads::Get().Run(static_cast<int>((rows + kLinearRows - 1) / kLinearRows), [&](int part) {
    static thread_local LinearRoom room;
    const int64_t from = part * kLinearRows;
    work(from, std::min(kLinearRows, rows - from), &room);
  });
}

void Linear(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor *x = call.Input(0), *gamma = call.Input(1), *beta = call.Input(2), *weight = call.Input(3), *bias = call.Input(4), *given = call.Input(5);
  if (!call.Fine()) return;
  static thread_local PackedLayer packed;
  const int64_t width = WidthOf(x), rows = width == 0 ? 0 : SizeOf(x) / width;
  const LinearLayer& layer = packed.layer;
  RowNorm norm;
  LinearEnd end{*static_cast<int32_t*>(kernel) != 0, nullptr};
  if (!ReadNorm(&call, gamma, beta, width, &norm) || !packed.Pack(&call, weight, bias, width) ||
      !ReadAdded(&call, given, rows * layer.outputs, &end.added)) {
    return;
  }
  if (end.relu && end.added != nullptr) return call.Refuse("relu: expected nothing that is added behind it");
  TF_Tensor* y = call.Output(0, TF_FLOAT, {rows, layer.outputs});
  if (!call.Fine()) return;
  EachRows(rows, [&](int64_t from, int64_t count, LinearRoom* room) {
    const LinearEnd own{end.relu, end.added == nullptr ? nullptr : end.added + from * layer.outputs};
    NormedLinearRows(Values<float>(x) + from * width, count, norm, layer, own, room, Values<float>(y) + from * layer.outputs);
  });
}

void FeedForward(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor *x = call.Input(0), *gamma = call.Input(1), *beta = call.Input(2), *weight = call.Input(3), *bias = call.Input(4);
  TF_Tensor *second_weight = call.Input(5), *second_bias = call.Input(6), *given = call.Input(7);
  if (!call.Fine()) return;
  static thread_local PackedLayer packed, second_packed;
  const int64_t width = WidthOf(x), rows = width == 0 ? 0 : SizeOf(x) / width;
  const LinearLayer &first = packed.layer, &second = second_packed.layer;
  RowNorm norm;
  const float* added = nullptr;
  if (!ReadNorm(&call, gamma, beta, width, &norm) || !packed.Pack(&call, weight, bias, width) ||
      !second_packed.Pack(&call, second_weight, second_bias, first.outputs) || !ReadAdded(&call, given, rows * second.outputs, &added)) {
    return;
  }
  TF_Tensor* y = call.Output(0, TF_FLOAT, {rows, second.outputs});
  if (!call.Fine()) return;
  EachRows(rows, [&](int64_t from, int64_t count, LinearRoom* room) {
    const LinearEnd end{false, added == nullptr ? nullptr : added + from * second.outputs};
    FeedForwardRows(Values<float>(x) + from * width, count, norm, first, second, end, room, Values<float>(y) + from * second.outputs);
  });
}

// As many rows as x has, of as many values as the bias in that place.
void LayerShape(TF_ShapeInferenceContext* context, int bias, TF_Status* status) {
  TF_ShapeHandle *shape = TF_NewShapeHandle(), *columns = TF_NewShapeHandle();
  TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextGetInput(context, bias, columns, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSubshape(context, shape, 0, -1, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextConcatenateShapes(context, shape, columns, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
  TF_DeleteShapeHandle(columns);
  TF_DeleteShapeHandle(shape);
}

void LinearShapes(TF_ShapeInferenceContext* context, TF_Status* status) { LayerShape(context, 4, status); }

void FeedForwardShapes(TF_ShapeInferenceContext* context, TF_Status* status) { LayerShape(context, 6, status); }

}  // namespace

bool RegisterLinear() {
  return Define({"KumpasLinear",
                 {"T: {float}", "relu: int"},
                 {"x: T", "gamma: T", "beta: T", "weight: T", "bias: T", "added: T"},
                 {"y: T"},
                 LinearShapes}) &&
         Define({"KumpasFeedForward",
                 {"T: {float}"},
                 {"x: T", "gamma: T", "beta: T", "weight: T", "bias: T", "second_weight: T", "second_bias: T", "added: T"},
                 {"y: T"},
                 FeedForwardShapes}) &&
         AddKernel("KumpasLinear", TF_FLOAT, CreateRelu, Linear, DestroyRelu) && AddKernel("KumpasFeedForward", TF_FLOAT, nullptr, FeedForward, nullptr);
}

}  // namespace kumpas
