"""NUS-WIDE in small, in the published layout."""

from pathlib import Path

import numpy as np

TAGS = ("nature", "sky", "cat", "water", "red")
CONCEPTS = ("cat", "fire", "sky")
SEEN = ("nature", "water", "red")
IMAGES = {
    "train": ("actor/0001_2124494179.jpg", "actor/0002_174174086.jpg", "zoo/0001_98.jpg"),
    "test": ("actor/0003_2538196990.jpg", "zoo/0002_11.jpg"),
}
TAG_ROWS = {
    "train": [[1, 0, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]],
    "test": [[0, 0, 0, 1, 0], [0, 0, 1, 0, 0]],
}
CONCEPT_ROWS = {
    "train": [[1, 0, 0], [0, 0, 1], [0, 0, 0]],
    "test": [[0, 1, 1], [0, 0, 0]],
}


def write_published(root: Path) -> Path:
    """Writes the text files as they come: tabs and blanks at the ends, backslashes, CRLF."""
    for folder in ("ConceptsList", "NUS_WID_Tags", "ImageList", "Groundtruth/TrainTestLabels"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "ConceptsList/Concepts81.txt").write_text("\n".join(CONCEPTS) + "\n")
    (root / "NUS_WID_Tags/TagList1k.txt").write_bytes("\r\n".join(TAGS).encode() + b"\r\n")
    for split, images in IMAGES.items():
        name = split.title()
        listed = "".join(image.replace("/", "\\") + "\r\n" for image in images)
        (root / f"ImageList/{name}Imagelist.txt").write_bytes(listed.encode())
        rows = ("\t".join(map(str, row)) + "\t\n" for row in TAG_ROWS[split])
        (root / f"NUS_WID_Tags/{name}_Tags1k.dat").write_text("".join(rows))
        # Tags of the concepts, which must not be taken for the human labels.
        (root / f"NUS_WID_Tags/{name}_Tags81.txt").write_text("1 1 1 \n" * len(images))
        for concept, column in zip(CONCEPTS, np.transpose(CONCEPT_ROWS[split]), strict=True):
            path = root / f"Groundtruth/TrainTestLabels/Labels_{concept}_{name}.txt"
            path.write_text("".join(f"{value}\n" for value in column))
    return root
