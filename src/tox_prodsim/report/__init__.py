"""What is made of the stream of events: each reporter sees events and findings only."""
