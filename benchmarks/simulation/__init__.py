"""A discrete-event simulation of batching: arrival traces, service times, policies, and the clock that joins them."""
