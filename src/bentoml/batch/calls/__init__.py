"""From the rows of a piece to the arguments of the user function, and from what it returns to columns."""
