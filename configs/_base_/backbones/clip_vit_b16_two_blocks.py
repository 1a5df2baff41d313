# CLIP's ViT-B/16 of which the last two blocks, the last norm and the projection are trained. The tokens
# before these blocks are returned, too: a distillation goes on from there with the published blocks.
_base_ = ["./clip_vit_b16.py"]

backbone = dict(frozen_stages=10, out_indices=[9, 11])
