"""The processes that run the user's functions, and how the front hears and judges them."""
