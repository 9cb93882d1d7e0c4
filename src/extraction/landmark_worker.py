"""Reads videos and finds MediaPipe Holistic's landmarks in them, as it is told over a pipe. Numbers alone: what is made of them is not decided here.

Usage: landmark_worker.py PACKAGES [--try]     PACKAGES: the folder of MediaPipe, OpenCV and NumPy; --try: load everything, compute a frame, and end

A line of JSON on stdin asks for one thing:
  {"do": "look", "file": F}                                what a video is: its size, its rate, and when each of its frames is shown
  {"do": "read", "file": F, "frames": [0, 1, 3], "pictures": false}   the landmarks of these frames, by their place in the video, in this order
Each answer is a line of JSON on stdout, `{"error": text}` where the video cannot be used. "read" answers a line for every frame, {"frame": 0, "height": h,
"width": w}, followed by its landmarks, and with "pictures" by its pixels (uint8 [height, width, 3], RGB); then {"done": true}.

A frame's landmarks are little-endian float32, NaN where a part was not found: pose 33 × (x, y, visibility), left hand 21 × (x, y), right hand 21 × (x, y), face
478 × (x, y); x and y are shares of the picture's width and height.
"""

import json
import os
import signal
import sys
import types

packages = sys.argv[1]
sys.path.insert(0, packages)
# Answers have standard output for themselves: what libraries print goes where their complaints go.
answers = os.fdopen(os.dup(1), "wb", buffering=1 << 20)
os.dup2(2, 1)
os.environ["GLOG_minloglevel"] = "2"
os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
os.environ["OPENCV_LOG_LEVEL"] = "SILENT"
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "protocol_whitelist;file"  # A video that names others is not to reach out for them.
signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal: who asked ends this one.


def without_its_start(name):
    """Makes a package known without running its __init__: MediaPipe's load JAX, SciPy and Matplotlib for parts that are not used here."""
    package = types.ModuleType(name)
    package.__path__ = [os.path.join(packages, *name.split("."))]
    sys.modules[name] = package


without_its_start("mediapipe")
without_its_start("mediapipe.python.solutions")

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import mediapipe.python.solutions.face_mesh  # noqa: E402, F401  It registers options that Holistic's graph has.
from mediapipe.python.solutions.holistic import Holistic  # noqa: E402

POSE, HAND, FACE = 33, 21, 478
MOST_FRAMES = 20_000
HOLISTIC = dict(
    static_image_mode=False,
    model_complexity=1,
    smooth_landmarks=True,
    refine_face_landmarks=True,
    enable_segmentation=False,
)


class Unusable(Exception):
    """A video that cannot be used, and why."""


def answer(**values):
    answers.write(json.dumps(values).encode() + b"\n")


def opened(file):
    """A video; turned as its metadata says, which is OpenCV's default."""
    video = cv2.VideoCapture(file, cv2.CAP_FFMPEG)
    if not video.isOpened():
        raise Unusable("it cannot be opened as a video")
    return video


def look(file):
    video = opened(file)
    moments, height, width = [], 0, 0
    while video.grab():
        if not moments:
            decoded, picture = video.retrieve()
            if not decoded:
                break
            height, width = picture.shape[:2]
        moments.append(video.get(cv2.CAP_PROP_POS_MSEC))
        if len(moments) > MOST_FRAMES:
            raise Unusable(f"it has more than {MOST_FRAMES} frames; cut it into videos of one sign each")
    promised, rate = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
    video.release()
    answer(moments=moments, promised=finite(promised), rate=finite(rate), height=height, width=width)


def finite(number):
    return number if np.isfinite(number) else 0


def read(file, frames, pictures):
    video = opened(file)
    # Videos are not to depend on each other: each has a graph of its own.
    with Holistic(**HOLISTIC) as holistic:
        place = -1
        for wanted in frames:
            while place < wanted:
                if not video.grab():
                    raise Unusable(f"its frame {wanted} was there when it was first read, and is not any more")
                place += 1
            decoded, picture = video.retrieve()
            if not decoded:
                raise Unusable(f"its frame {wanted} cannot be decoded")
            rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            found = landmarks(holistic.process(rgb))
            answer(frame=wanted, height=rgb.shape[0], width=rgb.shape[1])
            answers.write(found.astype("<f4").tobytes())
            if pictures:
                answers.write(rgb.tobytes())
            answers.flush()
    video.release()
    answer(done=True)


def landmarks(found):
    return np.concatenate(
        [
            part(found.pose_landmarks, POSE, ("x", "y", "visibility")),
            part(found.left_hand_landmarks, HAND, ("x", "y")),
            part(found.right_hand_landmarks, HAND, ("x", "y")),
            part(found.face_landmarks, FACE, ("x", "y")),
        ]
    )


def part(found, points, numbers):
    if found is None:
        return np.full(points * len(numbers), np.nan, np.float32)
    return np.array([[getattr(point, number) for number in numbers] for point in found.landmark], np.float32).ravel()


if "--try" in sys.argv:
    with Holistic(**HOLISTIC) as holistic:
        holistic.process(np.zeros((64, 64, 3), np.uint8))
    sys.exit(0)

for line in sys.stdin.buffer:
    asked = json.loads(line)
    try:
        if asked["do"] == "look":
            look(asked["file"])
        else:
            read(asked["file"], asked["frames"], asked["pictures"])
    except (Unusable, cv2.error, RuntimeError) as problem:  # RuntimeError: of MediaPipe's graph.
        answer(error=str(problem).strip().split("\n")[-1])
    answers.flush()
