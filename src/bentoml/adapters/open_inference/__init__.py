"""The Open Inference Protocol V2, as KServe, Triton and MLServer speak it: bodies to tensors, return values to bodies."""
