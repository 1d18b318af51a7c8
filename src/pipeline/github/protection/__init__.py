"""Who may merge: the repository's rulesets and the environment of the App that sets the status `gate`."""
