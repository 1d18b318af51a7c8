"""`make doctor`: the whole set-up looked at, a line for each part; nothing is changed."""
