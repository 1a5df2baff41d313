"""Properties that hold for any input, looked for by hypothesis."""
