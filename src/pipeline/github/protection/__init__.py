"""Who may merge: the repository's rulesets, and the environments whose secrets jobs of main alone can read."""
