# SigRL as its public code has it: GMC (GATv2 over all labels), SVFR, scores of the 16 best patches and
# of the class token, each divided by its norm over the labels that are asked for.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.SigRLHead",
        # Not normalised, as CLIP's text encoder gives them.
        embedder=dict(embed_dims=512, prompts=["There is a {} in the scene"], normalise=False),
        attention=dict(
            type="mmsrdl.SVFRAttention",
            graph=dict(type="mmsrdl.GATv2", hidden_channels=128, num_heads=4, dropout=0.3),
            context="asked",
        ),
        classifier=dict(topk=16, normalise="class_l2", scale=1.0),
        loss=dict(type="mmsrdl.RankingLoss", margin=1.0),
    ),
)
