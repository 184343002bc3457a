"""What touches the machine: the state folder, the network, the log."""
