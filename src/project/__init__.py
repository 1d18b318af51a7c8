"""The project's own code: whoever forks the template edits it, and no new version of the template touches it."""
