"""`make upgrade`: a new version of the template, merged into a project made from an earlier one."""
