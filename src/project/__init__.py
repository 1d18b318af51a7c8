"""The project's own code: edit it in your fork; new versions of the template do not change it."""
