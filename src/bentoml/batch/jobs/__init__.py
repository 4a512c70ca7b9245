"""Jobs: what is asked, the worker processes that do it, and what is kept on disk so that a job can go on."""
