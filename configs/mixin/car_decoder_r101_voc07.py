# Paper: none; SRDL whose class features are the queries of a decoder layer, as Query2Label's, over
# the image's positions, PASCAL VOC 2007.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/car_decoder_r101_voc07.py --word-vectors glove.6B.300d.txt
_base_ = ["../table5/srdl_r101_voc07.py"]

model = dict(head=dict(relation=dict(type="mmsrdl.DecoderRelation", hidden_channels=512)))
