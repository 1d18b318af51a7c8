"""The prediction service: BentoML around the model, its contract and the log of its predictions. Imports no pandas."""
