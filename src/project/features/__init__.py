"""Features that the model sees beside the columns of the data: each public function of these files is one.

Its parameters name what it reads (columns, other features), and it gets and returns NumPy arrays of n rows.
docs/how-to/add-a-feature.md shows how.
"""
