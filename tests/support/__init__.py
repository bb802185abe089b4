"""What tests share: servers that can be killed, waiting for events, asking for programs."""
