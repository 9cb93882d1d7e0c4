// TensorFlow's servers, which compute for sessions of other processes.
#pragma once
#include "../node-values.h"

namespace kumpas {

/** Adds startServer and serverTarget to what JavaScript sees. */
bool ExportServers(napi_env env, napi_value exports);

}  // namespace kumpas
