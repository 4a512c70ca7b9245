"""What it takes to run the registry in containers: an image, with Compose, on Kubernetes."""
