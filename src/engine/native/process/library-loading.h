// Loads a library on a thread of its own, so that Node loads its modules meanwhile, and gives back the memory that is needed only while it is loaded.
#pragma once
#include "../node-values.h"

namespace kumpas {

/** Adds begin, finish and release to what JavaScript sees. */
bool ExportLibraryLoading(napi_env env, napi_value exports);

}  // namespace kumpas
