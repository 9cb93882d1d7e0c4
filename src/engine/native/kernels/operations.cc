#include "operations.h"

namespace kumpas {

bool ReadDraw(TF_OpKernelConstruction* construction, DrawAttributes* read) {
  TF_Status* status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrInt32(construction, "place", &read->place, status);
  if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrInt32(construction, "threshold", &read->threshold, status);
  if (TF_GetCode(status) == TF_OK) TF_OpKernelConstruction_GetAttrInt64(construction, "per_example", &read->per_example, status);
  if (TF_GetCode(status) == TF_OK && (read->threshold < 0 || read->threshold > 255)) {
    TF_SetStatus(status, TF_INVALID_ARGUMENT, "threshold: expected 0 to 255");
  }
  const bool fine = TF_GetCode(status) == TF_OK;
  if (!fine) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return fine;
}

void* CreateDraw(TF_OpKernelConstruction* construction) {
  auto* attributes = new DrawAttributes();
  ReadDraw(construction, attributes);
  return attributes;
}

void DestroyDraw(void* attributes) { delete static_cast<DrawAttributes*>(attributes); }

bool Define(const Definition& definition) {
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(definition.name);
  for (const char* attribute : definition.attributes) TF_OpDefinitionBuilderAddAttr(builder, attribute);
  for (const char* input : definition.inputs) TF_OpDefinitionBuilderAddInput(builder, input);
  for (const char* output : definition.outputs) TF_OpDefinitionBuilderAddOutput(builder, output);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, definition.shapes);
  TF_Status* status = TF_NewStatus();
  TF_RegisterOpDefinition(builder, status);
  const bool fine = TF_GetCode(status) == TF_OK;
  TF_DeleteStatus(status);
  return fine;
}

bool AddKernel(const char* operation, TF_DataType type, void* (*create)(TF_OpKernelConstruction*), void (*compute)(void*, TF_OpKernelContext*),
               void (*destroy)(void*)) {
  TF_Status* status = TF_NewStatus();
  TF_KernelBuilder* builder = TF_NewKernelBuilder(operation, "CPU", create, compute, destroy);
  TF_KernelBuilder_TypeConstraint(builder, "T", type, status);
  if (TF_GetCode(status) == TF_OK) TF_RegisterKernelBuilder(operation, builder, status);
  const bool fine = TF_GetCode(status) == TF_OK;
  TF_DeleteStatus(status);
  return fine;
}

void CopyShape(TF_ShapeInferenceContext* context, int output, int input, TF_Status* status, bool without_last) {
  TF_ShapeHandle* shape = TF_NewShapeHandle();
  TF_ShapeInferenceContextGetInput(context, input, shape, status);
  if (TF_GetCode(status) == TF_OK && without_last) TF_ShapeInferenceContextSubshape(context, shape, 0, -1, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, output, shape, status);
  TF_DeleteShapeHandle(shape);
}

}  // namespace kumpas
