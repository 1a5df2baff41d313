# Paper: none; Query2Label whose queries come from SRDL's label graph, MS-COCO 2014.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/mixin/q2l_graph_r101_coco.py --word-vectors glove.6B.300d.txt
_base_ = ["../q2l/q2l_r101_coco.py"]

model = dict(
    head=dict(
        embedder=dict(
            word_vectors="data/glove/glove.6B.300d.txt",
            embed_dims=300,
            num_layers=2,
            hidden_dims=(1024, 2048),
        )
    )
)
