"""Arrays in the formats in which they travel: `.npy`, nested lists of JSON and of MessagePack."""
