"""From data to a judged model: the stages of `dvc.yaml` and the commands around them."""
