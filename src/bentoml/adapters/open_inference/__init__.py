"""The Open Inference Protocol V2 of KServe, Triton and MLServer: bodies to tensors, return values to bodies."""
