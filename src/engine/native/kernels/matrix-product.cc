#include "matrix-product.h"

#include "operations.h"

namespace kumpas {
namespace {

struct ProductAttributes {
  int32_t transposed = 0;
};

// 0: as they are; 1: the first matrix is transposed; 2: the second is.
void* CreateProduct(TF_OpKernelConstruction* construction) {
  auto* attributes = new ProductAttributes();
  TF_Status* status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrInt32(construction, "transposed", &attributes->transposed, status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return attributes;
}

void DestroyProduct(void* attributes) { delete static_cast<ProductAttributes*>(attributes); }

void MatrixProduct(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  const int32_t transposed = static_cast<ProductAttributes*>(kernel)->transposed;
  TF_Tensor *left = call.Input(0), *right = call.Input(1), *bias = call.Input(2);
  if (!call.Fine()) return;
  if (TF_NumDims(left) != 2 || TF_NumDims(right) != 2) return call.Refuse("left and right: expected two matrices");
  const int64_t left_width = TF_Dim(left, 1), right_width = TF_Dim(right, 1);
  const int64_t rows = TF_Dim(left, transposed == 1 ? 1 : 0), depth = TF_Dim(left, transposed == 1 ? 0 : 1);
  const int64_t columns = TF_Dim(right, transposed == 2 ? 0 : 1);
  if (TF_Dim(right, transposed == 2 ? 1 : 0) != depth || (SizeOf(bias) != 0 && SizeOf(bias) != columns)) {
    return call.Refuse("the shapes of left, right and bias do not fit each other");
  }
  TF_Tensor* product = call.Output(0, TF_FLOAT, {rows, columns});
  if (!call.Fine() || rows * columns == 0) return;
  const Matrix a = {Values<float>(left), transposed == 1 ? 1 : left_width, transposed == 1 ? left_width : 1};
  const Matrix b = {Values<float>(right), transposed == 2 ? 1 : right_width, transposed == 2 ? right_width : 1};
  MultiplyMatrices(a, b, rows, depth, columns, SizeOf(bias) == 0 ? nullptr : Values<float>(bias), Values<float>(product));
}

// Which side of each matrix remains is told by an attribute, which a shape function is not given: what comes next learns the shape when it runs.
void MatrixProductShapes(TF_ShapeInferenceContext* context, TF_Status* status) { TF_ShapeInferenceContextSetUnknownShape(context, status); }

}  // namespace

bool RegisterMatrixProduct() {
  return Define({"KumpasMatMul",
                 {"T: {float}", "transposed: int"},
                 {"left: T", "right: T", "bias: T"},
                 {"product: T"},
                 MatrixProductShapes}) &&
         AddKernel("KumpasMatMul", TF_FLOAT, CreateProduct, MatrixProduct, DestroyProduct);
}

}  // namespace kumpas
