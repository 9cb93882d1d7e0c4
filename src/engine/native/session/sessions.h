// TensorFlow's sessions.
#pragma once
#include "../node-values.h"

namespace kumpas {

/** Adds newSession, prepareRun, run, runLater, sessionDevices and closeSession to what JavaScript sees. */
bool ExportSessions(napi_env env, napi_value exports);

}  // namespace kumpas
