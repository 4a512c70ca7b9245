"""Online serving: a front process that answers HTTP, worker processes that run the model, a parent over both."""
