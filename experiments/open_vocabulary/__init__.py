"""SigRL's parts side by side on labels that combine words, some combinations never trained."""
