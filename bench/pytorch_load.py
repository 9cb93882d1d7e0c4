"""Loads a checkpoint with PyTorch and prints the time and the process's peak memory: `npm run bench -- checkpoint --pytorch PYTHON` runs it in turn with ours."""

import json
import resource
import sys
import time

import torch

start = time.perf_counter()
checkpoint = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
milliseconds = (time.perf_counter() - start) * 1000
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1000)
print(json.dumps({"ms": milliseconds, "peak_mb": peak}))
