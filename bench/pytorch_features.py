"""Times torchvision's InceptionV3 in both of its layouts: `npm run bench -- features --pytorch PYTHON` runs it in turn with ours.

Arguments: frames at once, cpu or cuda. Pixels are copied to the GPU, and features from it, within a run. It prints PyTorch's version; then, for every `default N` or `channels_last N` that it reads, the times of N runs in milliseconds.
"""

import copy
import sys
import time

import torch
import torchvision

from pytorch_device import device_named


def main():
    frames, device = int(sys.argv[1]), device_named(sys.argv[2])
    torch.manual_seed(42)
    model = torchvision.models.inception_v3(weights=None, init_weights=False, aux_logits=True, transform_input=True)
    model.fc = torch.nn.Identity()
    model.eval().to(device)
    pixels = torch.randint(0, 256, (frames, 3, 299, 299), dtype=torch.uint8)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).to(device)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1).to(device)

    layouts = {
        "default": (model, pixels),
        "channels_last": (copy.deepcopy(model).to(memory_format=torch.channels_last), pixels.to(memory_format=torch.channels_last)),
    }

    def run(layout):
        network, frames_in_it = layouts[layout]
        start = time.perf_counter()
        with torch.inference_mode():
            network((frames_in_it.to(device).float() / 255 - mean) / deviation).cpu()
        return (time.perf_counter() - start) * 1000

    for layout in layouts:
        run(layout)
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        layout, count = line.split()
        print(*(f"{run(layout):.3f}" for _ in range(int(count))), flush=True)


if __name__ == "__main__":
    main()
