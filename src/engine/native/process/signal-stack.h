// A stack for signal handlers. A product of oneDNN's (jit_avx_gemm_f32) moves the stack pointer into memory of the heap while it runs: a handler that runs on that stack, as Node's for Ctrl-C, for
// a terminal's new size or for `--cpu-prof`, writes over what lies below it.
#pragma once
#include "../node-values.h"

namespace kumpas {

/** Adds useSignalStack to what JavaScript sees. */
bool ExportSignalStack(napi_env env, napi_value exports);

}  // namespace kumpas
