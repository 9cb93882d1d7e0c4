#include "encoder-layer.h"

#include <numeric>

#include "packed-layer.h"

namespace kumpas {
namespace {

void* CreateHeads(TF_OpKernelConstruction* construction) {
  auto* heads = new int32_t(0);
  TF_Status* status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrInt32(construction, "heads", heads, status);
  if (TF_GetCode(status) == TF_OK && *heads < 1) TF_SetStatus(status, TF_INVALID_ARGUMENT, "heads: expected at least one");
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return heads;
}

void DestroyHeads(void* heads) { delete static_cast<int32_t*>(heads); }

// The inputs of a layer, its weights packed; a thread keeps their memory.
struct LayerInputs {
  EncoderLayer layer;
  PackedLayer projections, output, first, second;
  std::vector<ClipRows> clips;
  int64_t rows, width, batch, frames;
  bool all_ask;
  const float* x;

  bool Read(Call* call, int32_t heads) {
    TF_Tensor *given = call->Input(0), *bias = call->Input(1), *places = call->Input(2);
    TF_Tensor* parts[12];
    for (int part = 0; part < 12; part++) parts[part] = call->Input(3 + part);
    if (!call->Fine()) return false;
    width = WidthOf(given);
    rows = width == 0 ? 0 : SizeOf(given) / width;
    frames = WidthOf(bias);
    batch = frames == 0 ? 0 : SizeOf(bias) / frames;
    x = Values<float>(given);
    layer.heads = heads;
    if (!ReadNorm(call, parts[0], parts[1], width, &layer.attention_norm) || !projections.Pack(call, parts[2], parts[3], width) ||
        !output.Pack(call, parts[4], parts[5], width) || !ReadNorm(call, parts[6], parts[7], width, &layer.forward_norm) ||
        !first.Pack(call, parts[8], parts[9], width) || !second.Pack(call, parts[10], parts[11], first.layer.outputs)) {
      return false;
    }
    layer.projections = projections.layer;
    layer.output = output.layer;
    layer.first = first.layer;
    layer.second = second.layer;
    const bool norms = layer.attention_norm.gamma != nullptr && layer.forward_norm.gamma != nullptr;
    if (!norms || width % heads != 0 || layer.projections.outputs != 3 * width || layer.output.outputs != width || layer.second.outputs != width) {
      call->Refuse("the shapes of x and the layer's weights do not fit each other");
      return false;
    }
    return ReadClips(call, Values<float>(bias), places);
  }

  // Runs work(clip, room) for every clip, on all threads.
  template <typename Work>
  void EachClip(const Work& work) const {
    WorkerThreads::Get().Run(static_cast<int>(batch), [&](int clip) {
      static thread_local EncoderRoom room;
      work(clip, &room);
    });
  }

 private:
  bool ReadClips(Call* call, const float* bias, TF_Tensor* given_places) {
    all_ask = SizeOf(given_places) == 0;
    const int32_t* places = all_ask ? nullptr : Values<int32_t>(given_places);
    if (all_ask ? rows != batch * frames : SizeOf(given_places) != batch * frames) {
      call->Refuse("the shapes of x, bias and places do not fit each other");
      return false;
    }
    if (!all_ask && std::any_of(places, places + batch * frames, [this](int32_t place) { return place < 0 || place >= rows; })) {
      call->Refuse("places: expected rows of x");
      return false;
    }
    clips.clear();
    for (int64_t clip = 0; clip < batch; clip++) clips.push_back(RowsOfClip(bias + clip * frames, places, clip, frames));
    return true;
  }
};

void Encoder(void* heads, TF_OpKernelContext* context) {
  Call call(context);
  static thread_local LayerInputs of;
  if (!of.Read(&call, *static_cast<int32_t*>(heads))) return;
  TF_Tensor* output = call.Output(0, TF_FLOAT, {of.rows, of.width});
  if (!call.Fine()) return;
  const LayerInputs& given = of;
  float* y = Values<float>(output);
  if (!given.all_ask) std::fill_n(y, given.rows * given.width, 0.0f);
  given.EachClip([&](int64_t clip, EncoderRoom* room) { EncodeClip(given.layer, given.x, given.clips[clip], given.all_ask, given.frames, room, y); });
}

void EncoderSum(void* heads, TF_OpKernelContext* context) {
  Call call(context);
  static thread_local LayerInputs of;
  TF_Tensor* given_shares = call.Input(15);
  if (!call.Fine() || !of.Read(&call, *static_cast<int32_t*>(heads))) return;
  const LayerInputs& given = of;
  if (SizeOf(given_shares) != given.batch * given.frames) return call.Refuse("shares: expected one for each frame");
  TF_Tensor* output = call.Output(0, TF_FLOAT, {given.batch, 1, given.width});
  if (!call.Fine() || given.batch == 0) return;
  const float* shares = Values<float>(given_shares);
  const LinearLayer& second = given.layer.second;
  std::vector<float> inner(given.batch * second.inputs), outer(given.batch * given.width);
  given.EachClip([&](int64_t clip, EncoderRoom* room) {
    EncodeClipSum(given.layer, given.x, given.clips[clip], given.all_ask, given.frames, shares + clip * given.frames, room, inner.data() + clip * second.inputs,
                  outer.data() + clip * given.width);
    AddRow(second.bias, std::accumulate(shares + clip * given.frames, shares + (clip + 1) * given.frames, 0.0f), given.width, outer.data() + clip * given.width);
  });
  // Without its bias, which counts once for each frame.
  static thread_local std::vector<float> nothing;
  nothing.assign(RoundUp(given.width, kTileColumns), 0.0f);
  const LinearLayer unbiased = {second.inputs, second.outputs, second.panels, nothing.data()};
  LinearOfRows<TileEnd::kAdded>(inner.data(), second.inputs, given.batch, unbiased, outer.data(), given.width, Values<float>(output), given.width);
}

void EncoderShapes(TF_ShapeInferenceContext* context, TF_Status* status) { CopyShape(context, 0, 0, status); }

// The first and the last side of one input, 1 between them.
void EncoderSumShapes(TF_ShapeInferenceContext* context, TF_Status* status) { TF_ShapeInferenceContextSetUnknownShape(context, status); }

}  // namespace

bool RegisterEncoderLayer() {
  return Define({"KumpasEncoderLayer",
                 {"T: {float}", "heads: int"},
                 {"x: T", "bias: T", "places: int32", "gamma: T", "beta: T", "projections: T", "projections_bias: T", "output: T", "output_bias: T",
                  "forward_gamma: T", "forward_beta: T", "first: T", "first_bias: T", "second: T", "second_bias: T"},
                 {"y: T"},
                 EncoderShapes}) &&
         Define({"KumpasEncoderLayerSum",
                 {"T: {float}", "heads: int"},
                 {"x: T", "bias: T", "places: int32", "gamma: T", "beta: T", "projections: T", "projections_bias: T", "output: T", "output_bias: T",
                  "forward_gamma: T", "forward_beta: T", "first: T", "first_bias: T", "second: T", "second_bias: T", "shares: T"},
                 {"sum: T"},
                 EncoderSumShapes}) &&
         AddKernel("KumpasEncoderLayer", TF_FLOAT, CreateHeads, Encoder, DestroyHeads) &&
         AddKernel("KumpasEncoderLayerSum", TF_FLOAT, CreateHeads, EncoderSum, DestroyHeads);
}

}  // namespace kumpas
