"""What it takes to run this somewhere else: images, compose, Kubernetes, alarms, and the steps before the start."""
