"""What surrounds the content of a request: encodings, media types, events of AWS Lambda, words of the command line."""
