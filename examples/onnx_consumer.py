"""Labels of image files by an exported model: needs onnxruntime, numpy and Pillow alone.

python examples/onnx_consumer.py model.onnx photo.jpg another.jpg
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def load_image(path: str, rule: dict) -> np.ndarray:
    """Reads an image file and resizes it as the model's test pipeline does, uint8 [3, H, W]."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    height, width = rule["size"]
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    image = image.resize((width, height), filters[rule["interpolation"]])
    return np.asarray(image).transpose(2, 0, 1)


session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = json.loads(session.get_modelmeta().custom_metadata_map["mmsrdl"])
if not about["input"]["resize"]["antialias"]:
    print("the test pipeline resized by OpenCV: scores differ somewhat", file=sys.stderr)
thresholds = about["thresholds"] or [0.5] * len(about["classes"])
for path in sys.argv[2:]:
    batch = load_image(path, about["input"]["resize"])[None]
    (scores,) = session.run(["scores"], {"images": batch})
    found = zip(about["classes"], scores[0].tolist(), thresholds, strict=True)
    labels = sorted(((s, name) for name, s, t in found if s >= t), reverse=True)
    print(path, ", ".join(f"{name} {score:.4f}" for score, name in labels) or "no label", sep=": ")
