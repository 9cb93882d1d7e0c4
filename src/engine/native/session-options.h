// What the package's binding creates its sessions with: it is compiled with this file in front. A graph is optimised when it first runs, which for a recorded step takes
// longer than loading it; these passes find nothing in one: it has no loops outside a function, needs no memory moved, and the second round repeats the first.
#pragma once
#include <tensorflow/c/c_api.h>

// A serialised ConfigProto: graph_options { rewrite_options { memory_optimization: NO_MEM_OPT, loop_optimization: OFF, meta_optimizer_iterations: ONE,
// implementation_selector: OFF, disable_tfg_optimizer: true } }.
inline TF_SessionOptions* OptionsOfRecordedGraphs() {
  static const unsigned char kConfig[] = {0x52, 0x0e, 0x52, 0x0c, 0x20, 0x01, 0x48, 0x02, 0x60, 0x01, 0xb0, 0x01, 0x02, 0x80, 0x02, 0x01};
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Status* status = TF_NewStatus();
  TF_SetConfig(options, kConfig, sizeof kConfig, status);  // Where it were refused, TensorFlow's defaults stay.
  TF_DeleteStatus(status);
  return options;
}
#define TF_NewSessionOptions OptionsOfRecordedGraphs
