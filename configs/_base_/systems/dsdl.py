# DSDL: global max pooling; logits are an image's code over a dictionary of autoencoded word vectors.
model = dict(
    type="ImageClassifier",
    head=dict(
        type="mmsrdl.ClassFeatureHead",
        embedder=dict(
            type="mmsrdl.AutoencoderLabelEmbedder",
            # Give the file's place with --word-vectors FILE.
            word_vectors="data/glove/glove.6B.300d.txt",
            embed_dims=300,
            hidden_dims=1024,
            # All losses are divided by the similarity of word vectors and their reconstruction.
            objective="divide",
        ),
        attention=dict(type="mmsrdl.GlobalPooling", mode="max"),
        # What its code has for MS-COCO; for PASCAL VOC 10 and 1e-4.
        classifier=dict(type="mmsrdl.DictionaryClassifier", ridge=0.1, fit_weight=1e-6),
        # The mean over images and classes: learning rate and fit_weight are meant for it.
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="mean"),
        thr=0.5,
    ),
)
