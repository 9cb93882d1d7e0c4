#include "attention.h"

#include "operations.h"
#include "worker-threads.h"

namespace kumpas {
namespace {

struct AttentionAttributes : DrawAttributes {
  int32_t heads = 0;
};

void* CreateAttention(TF_OpKernelConstruction* construction) {
  auto* attributes = new AttentionAttributes();
  if (!ReadDraw(construction, attributes)) return attributes;
  TF_Status* status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrInt32(construction, "heads", &attributes->heads, status);
  if (TF_GetCode(status) == TF_OK && attributes->heads < 1) TF_SetStatus(status, TF_INVALID_ARGUMENT, "heads: expected at least one");
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return attributes;
}

void DestroyAttention(void* attributes) { delete static_cast<AttentionAttributes*>(attributes); }

// The inputs that both operations have, and what follows from them.
struct Projections {
  int64_t rows, width, head_width, batch, frames, heads;
  const int32_t* places;
  const float* bias;
  Draw draw;
  uint64_t first_place;

  // `projected` of `[rows, 3 * width]`, `bias` of `[batch, 1, 1, frames]`, `places` of every position or of none.
  bool Read(Call* call, const AttentionAttributes& attributes, TF_Tensor* projected, TF_Tensor* given_bias, TF_Tensor* given_places, TF_Tensor* seed) {
    heads = attributes.heads;
    width = WidthOf(projected) / 3;
    rows = WidthOf(projected) == 0 ? 0 : SizeOf(projected) / WidthOf(projected);
    head_width = width / heads;
    frames = WidthOf(given_bias);
    batch = frames == 0 ? 0 : SizeOf(given_bias) / frames;
    places = SizeOf(given_places) == 0 ? nullptr : Values<int32_t>(given_places);
    bias = Values<float>(given_bias);
    if (WidthOf(projected) != 3 * width || width != head_width * heads || SizeOf(seed) != 3 ||
        (places == nullptr ? rows != batch * frames : SizeOf(given_places) != batch * frames)) {
      call->Refuse("the shapes of projected, bias, places and seed do not fit each other");
      return false;
    }
    if (places != nullptr && std::any_of(places, places + batch * frames, [this](int32_t place) { return place < 0 || place >= rows; })) {
      call->Refuse("places: expected rows of projected");
      return false;
    }
    draw = DrawOf(Values<int32_t>(seed), attributes.place, attributes.threshold);
    first_place = attributes.FirstPlace(Values<int32_t>(seed));
    return true;
  }

  std::vector<ClipRows> Clips() const {
    std::vector<ClipRows> clips;
    for (int64_t clip = 0; clip < batch; clip++) clips.push_back(RowsOfClip(bias + clip * frames, places, clip, frames));
    return clips;
  }

  // Zeroes the rows that no clip has.
  template <typename T>
  void ZeroOthers(const std::vector<ClipRows>& clips, T* values, int64_t step) const {
    if (places == nullptr) return;
    std::vector<bool> used(rows, false);
    for (const ClipRows& clip : clips)
      for (const int64_t row : clip.query_rows) used[row] = true;
    for (int64_t row = 0; row < rows; row++)
      if (!used[row]) std::fill_n(values + row * step, step, T{});
  }

  // Runs work(clip, head, workspace) for every head of every clip, on all threads.
  template <typename Work>
  void EachHead(const Work& work) const {
    WorkerThreads::Get().Run(static_cast<int>(batch * heads), [&](int task) {
      static thread_local Workspace workspace;
      work(task / heads, task % heads, workspace);
    });
  }

  // Of a head's first weight in the whole batch's `[batch, heads, frames, frames]`.
  uint64_t PlaceOf(int64_t clip, int64_t head) const { return first_place + static_cast<uint64_t>((clip * heads + head) * frames * frames); }
};

template <typename T>
void Attention(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor *projected = call.Input(0), *bias = call.Input(1), *places = call.Input(2), *seed = call.Input(3);
  Projections of;
  if (!call.Fine() || !of.Read(&call, *static_cast<AttentionAttributes*>(kernel), projected, bias, places, seed)) return;
  TF_Tensor *mixed = call.Output(0, TypeOf<T>::value, {of.rows, of.width}), *sums = call.Output(1, TF_FLOAT, {of.batch, of.heads, of.frames});
  if (!call.Fine() || of.rows == 0) return;
  const std::vector<ClipRows> clips = of.Clips();
  of.ZeroOthers(clips, Values<T>(mixed), of.width);
  of.EachHead([&](int64_t clip, int64_t head, Workspace& workspace) {
    const int64_t column = head * of.head_width;
    AttendHead(Head(clips[clip], of.head_width), Values<T>(projected) + column, of.width, of.frames, of.draw, of.PlaceOf(clip, head), workspace,
               Values<T>(mixed) + column, Values<float>(sums) + (clip * of.heads + head) * of.frames);
  });
}

template <typename T>
void AttentionGrad(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor *dmixed = call.Input(0), *projected = call.Input(1), *sums = call.Input(2), *bias = call.Input(3), *places = call.Input(4);
  TF_Tensor* seed = call.Input(5);
  Projections of;
  if (!call.Fine() || !of.Read(&call, *static_cast<AttentionAttributes*>(kernel), projected, bias, places, seed)) return;
  if (SizeOf(dmixed) != of.rows * of.width || SizeOf(sums) != of.batch * of.heads * of.frames) {
    return call.Refuse("the shapes of dmixed, projected and sums do not fit each other");
  }
  TF_Tensor* dprojected = call.Output(0, TypeOf<T>::value, {of.rows, 3 * of.width});
  if (!call.Fine() || of.rows == 0) return;
  const std::vector<ClipRows> clips = of.Clips();
  of.ZeroOthers(clips, Values<T>(dprojected), 3 * of.width);
  of.EachHead([&](int64_t clip, int64_t head, Workspace& workspace) {
    const int64_t column = head * of.head_width;
    AttendHeadGrad(Head(clips[clip], of.head_width), Values<T>(dmixed) + column, Values<T>(projected) + column,
                   Values<float>(sums) + (clip * of.heads + head) * of.frames, of.width, of.frames, of.draw, of.PlaceOf(clip, head), workspace,
                   Values<T>(dprojected) + column);
  });
}

// Mixed rows are a third as wide as the projections. Sums are only read by the gradient.
void AttentionShapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeHandle* shape = TF_NewShapeHandle();
  TF_DimensionHandle* width = TF_NewDimensionHandle();
  TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (TF_GetCode(status) == TF_OK && TF_ShapeInferenceContextRankKnown(context, shape)) {
    TF_ShapeInferenceContextDim(context, shape, -1, width);
    if (TF_DimensionHandleValueKnown(width)) {
      TF_ShapeHandle* columns = TF_ShapeInferenceContextVectorFromSize(context, TF_DimensionHandleValue(width) / 3);
      TF_ShapeInferenceContextSubshape(context, shape, 0, -1, shape, status);
      if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextConcatenateShapes(context, shape, columns, shape, status);
      if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
      TF_DeleteShapeHandle(columns);
    }
  }
  TF_DeleteDimensionHandle(width);
  TF_DeleteShapeHandle(shape);
}

void AttentionGradShapes(TF_ShapeInferenceContext* context, TF_Status* status) { CopyShape(context, 0, 1, status); }

}  // namespace

bool RegisterAttention() {
  return Define({"KumpasAttention",
                 {"T: {float, bfloat16}", "heads: int", "place: int", "threshold: int", "per_example: int"},
                 {"projected: T", "bias: float", "places: int32", "seed: int32"},
                 {"mixed: T", "sums: float"},
                 AttentionShapes}) &&
         Define({"KumpasAttentionGrad",
                 {"T: {float, bfloat16}", "heads: int", "place: int", "threshold: int", "per_example: int"},
                 {"dmixed: T", "projected: T", "sums: float", "bias: float", "places: int32", "seed: int32"},
                 {"dprojected: T"},
                 AttentionGradShapes}) &&
         AddKernel("KumpasAttention", TF_FLOAT, CreateAttention, Attention<float>, DestroyAttention) &&
         AddKernel("KumpasAttention", TF_BFLOAT16, CreateAttention, Attention<BFloat16>, DestroyAttention) &&
         AddKernel("KumpasAttentionGrad", TF_FLOAT, CreateAttention, AttentionGrad<float>, DestroyAttention) &&
         AddKernel("KumpasAttentionGrad", TF_BFLOAT16, CreateAttention, AttentionGrad<BFloat16>, DestroyAttention);
}

}  // namespace kumpas
