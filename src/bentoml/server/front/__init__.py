"""The process that receives every request: its lanes, its endpoints, who may ask, and the bundle that it serves."""
